//! What a script finds, beside its editor: the members of `floh`, and their declarations for the schema as it is.

use connector_runtime::schema::ConfigSchema;
use maud::{Markup, html};

use super::code::Code;
use super::editor::Lang;
use super::icon::icon;
use crate::catalog;

/// The members of `floh`, in the order in which a script meets them.
const MEMBERS: &[(&str, &str)] = &[
    ("floh.params", "The params of the call, checked, with their defaults."),
    ("floh.config", "The connection, decrypted."),
    ("floh.variables", "What earlier steps of the run have left."),
    (
        "floh.http.get(url, headers?)",
        "A request. Also post, put and patch (url, body?, headers?), and delete (url, headers?).",
    ),
    ("floh.http.request({ … })", "Any request, with query, retry and timeoutMs."),
    ("floh.http.paginate({ … })", "Reads a list of several pages."),
    ("floh.auth", "Access tokens by OAuth 2."),
    ("floh.log.info(text)", "Also trace, debug, warn and error."),
    ("floh.util", "Hashes, base64, waiting and the like."),
];

/// Says that nothing is wrong with a script and its schema.
pub(in crate::ui) fn checked() -> Markup {
    html! { p.notice.good role="status" { (icon("check")) span { "The script has a function for every command, and the schema is sound." } } }
}

/// Shows the reference, and the declarations for a schema.
pub(in crate::ui) fn show(name: &str, version: &str, schema: Option<&ConfigSchema>) -> Markup {
    let name = if name.is_empty() { "this type" } else { name };
    let none = ConfigSchema::default();
    let text = catalog::declarations(name, version, schema.unwrap_or(&none));
    let code = Code { id: "types-d-ts", title: "floh.d.ts", lang: Lang::Js, text: &text, all: None, download: None };
    html! {
        section.card aria-labelledby="floh-title" {
            header { h2 #floh-title { "What a script has" } }
            div.body.stack {
                dl.members {
                    @for (member, text) in MEMBERS { dt { code { (member) } } dd { (text) } }
                }
                p.help { "A function returns " code { "{ success, payload, variables }" } " or " code { "{ success: false, error, diagnostics }" } "." }
            }
        }
        details.more {
            summary { "floh.d.ts" }
            div.in.stack {
                p.help { "The declarations for an editor of your own, made from the schema as it is here." }
                div.row { button.btn.small type="button" data-copy=(text) { (icon("copy")) "Copy" } }
                (code.show())
            }
        }
    }
}
