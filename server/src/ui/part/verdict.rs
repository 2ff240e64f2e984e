//! What an import says of an operation, in words.

use floh_client::answers::Verdict;
use maud::{Markup, html};

/// What a verdict means, in words.
fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Exact => "The command sends and takes what the document says.",
        Verdict::Degraded => {
            "The command works; something of the document is left out or done in another way. The reasons of its row say what."
        }
        Verdict::Refused => {
            "It cannot be called: something that the document asks for cannot be sent. A command that is made of it fails with the reasons."
        }
    }
}

/// The words of the verdicts with what they mean.
pub(super) fn legend() -> Markup {
    html! {
        details.legend {
            summary { "What Exact, Degraded and Refused mean" }
            dl.facts { @for verdict in Verdict::ALL.iter().copied() { dt { (word(verdict)) } dd { (meaning(verdict)) } } }
        }
    }
}

/// The word of a verdict.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Exact => "Exact",
        Verdict::Degraded => "Degraded",
        Verdict::Refused => "Refused",
    }
}
