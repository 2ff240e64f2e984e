//! Secrets in forms. A stored one is never shown: a person keeps, replaces or clears it.

use maud::{Markup, html};

use super::control::{FormView, segments};
use super::spec::Spec;
use super::typed::{ACTION, id};
use crate::ui::part::icon::icon;
use crate::ui::part::time;

impl FormView<'_> {
    /// The control for a secret text: an area, because keys have lines, which is masked by its style, so that no password
    /// manager takes it for a login.
    pub(super) fn secret_input(&self, spec: &Spec, at: &str, required: bool) -> Markup {
        html! {
            div.affix {
                textarea.one.secret id=(id(at)) name=(at) rows="1" required[required] autocomplete="off" autocapitalize="off"
                    spellcheck="false" data-1p-ignore data-lpignore="true" aria-invalid=[self.invalid(at)]
                    aria-describedby=[self.described(spec, at)] {}
                button.btn.icon type="button" data-reveal=(id(at)) aria-pressed="false" aria-label={ "Show " (spec.label) } hidden {
                    (icon("eye"))
                }
            }
        }
    }

    /// A secret that is set, or that was typed before and is kept until the form is accepted.
    pub(super) fn stored_secret(&self, spec: &Spec, at: &str) -> Markup {
        let name = format!("{at}{ACTION}");
        let chosen = self.typed.get(&name).unwrap_or("keep");
        let options = [("keep", "Keep"), ("replace", "Replace"), ("clear", "Clear")];
        let options = options.map(|(value, text)| (value.to_owned(), text.to_owned()));
        let state = html! {
            div.state {
                span.badge.good { (icon("lock")) "Set" }
                @match self.stored.get(at) {
                    Some(changed) if !self.held.iter().any(|held| held == at) => {
                        span.muted { "changed " (time::ago(*changed)) }
                    },
                    _ => span.muted { "the one that you typed; it is kept until this form is saved" },
                }
            }
        };
        let gone = html! {
            p.notice.warn.gone {
                (icon("alert"))
                span { "Saving removes the stored value" @if spec.required { "; the connector is not ready without it" } "." }
            }
        };
        let (group, inner) = (format!("{at}~secret"), Spec { required: false, ..spec.clone() });
        html! {
            fieldset.field id=(id(&group)) tabindex="-1" {
                legend { (spec.label) @if spec.required { " " span.req aria-hidden="true" { "required" } } }
                div.secretbox {
                    (state)
                    (segments(&name, &options, chosen))
                    div.new {
                        (self.plain_field(&Spec { label: format!("New {}", spec.label), ..inner }, at))
                    }
                    (gone)
                }
            }
        }
    }
}
