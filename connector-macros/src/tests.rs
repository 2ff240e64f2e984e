//! Expansions, written out by the entry functions without a compiler. A review shows every change to one.

mod attribute_table;
use proc_macro2::TokenStream;
use quote::quote;

use crate::entry;

/// Writes an expansion as source code, with its errors.
fn pretty((tokens, errors): (TokenStream, Vec<syn::Error>)) -> String {
    let file = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("not Rust: {error}: {tokens}"));
    let mut text = prettyplease::unparse(&file);
    for error in errors {
        text.push_str(&format!("\nerror: {error}"));
    }
    text
}

/// Compares an expansion with its stored snapshot.
macro_rules! snapshot {
    ($text:expr) => {{
        let text = $text;
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(text) });
    }};
}

/// Expands an item that must be valid.
fn right(expansion: (TokenStream, Vec<syn::Error>)) -> String {
    assert!(expansion.1.is_empty(), "{:?}", expansion.1);
    pretty(expansion)
}

#[test]
fn connector_with_everything() {
    snapshot!(right(entry::connector(
        quote!(
            name = "widget",
            version = "1.2.0",
            category = "demo",
            tags("example", "demo"),
            default_command = "listWidgets",
            errors = explain,
            lock = false
        ),
        quote! {
            /// Widget platform connector.
            ///
            /// Second paragraph.
            #[derive(Debug)]
            pub struct Widget {
                /// API base URL.
                #[config(example = "https://api.widget.dev", destination)]
                base_url: Url,
                /// API key.
                #[config(label = "Key", placeholder = "sk-...", min_length = 8, max_length = 64, pattern = "^sk-")]
                api_key: Secret,
                /// Seconds to wait.
                #[config(default = 30, min = 1, max = 300, name = "timeout")]
                timeout_secs: u32,
                /// Coldest water.
                #[config(default = -1.5)]
                coldest: f64,
                /// Tenant.
                tenant: Option<String>,
            }
        }
    )));
}

#[test]
fn connector_with_an_egress_scope() {
    for (name, arguments) in [
        ("list", quote!(egress = [token_url, base_url], lock = false)),
        ("anywhere", quote!(egress = anywhere, lock = false)),
    ] {
        let text = right(entry::connector(
            quote!(name = "widget", version = "1.2.0", #arguments),
            quote! {
                /// Widget platform connector.
                pub struct Widget {
                    /// API base URL.
                    base_url: Url,
                    /// Token URL.
                    #[config(name = "tokens")]
                    token_url: Option<Url>,
                }
            },
        ));
        insta::with_settings!({ omit_expression => true, snapshot_suffix => name }, { insta::assert_snapshot!(text) });
    }
}

#[test]
fn connector_whose_lock_is_missing() {
    snapshot!(right(entry::connector(
        quote!(name = "lockless", version = "1.0.0"),
        quote! {
            /// Waits.
            pub struct Lockless;
        }
    )));
}

#[test]
fn a_draft_needs_no_lock() {
    let expand = |version: &str| {
        let args = quote!(name = "lockless", version = #version);
        right(entry::connector(
            args,
            quote!(
                #[doc = "Waits."]
                pub struct Lockless;
            ),
        ))
    };
    for (version, demanded) in
        [("1.0.0", true), ("1.0.0+build-1", true), ("1.0.0-draft", false), ("2.1.0-rc.1+build", false)]
    {
        assert_eq!(expand(version).contains("missing_lock"), demanded, "{version}");
    }
}

#[test]
fn connector_without_fields() {
    snapshot!(right(entry::connector(
        quote!(name = "delay", version = "1.0.0", legacy_commandless_ui, lock = false),
        quote! {
            /// Waits.
            pub struct Delay;
        }
    )));
}

#[test]
fn commands_of_every_form() {
    snapshot!(right(entry::connector(
        quote!(),
        quote! {
            impl Widget {
                /// Check that the API answers.
                #[command(effect = read)]
                async fn test(&self, cx: &Context) -> Outcome {
                    succeed(())
                }
                /// Returns typed.
                #[command(idempotent, since = "1.1.0")]
                pub fn list_widgets(
                    &self,
                    /// Most widgets.
                    #[param(default = 50, min = 1, max = 500)]
                    limit: u32,
                    cx: &Context,
                    /// Order.
                    r#type: Option<Order>,
                ) -> Outcome<Page> {
                    todo()
                }
                /// Returns nothing.
                #[command(deprecated = "use test")]
                fn ping(&self) {}
                /// Returns the result itself.
                #[command(deprecated, name = "raw")]
                async fn raw_call(&self) -> ConnectorResult {
                    ConnectorResult::default()
                }
                fn not_a_command(&self) {}
            }
        }
    )));
}

#[test]
fn commands_with_mocks_timeout_and_outputs() {
    snapshot!(right(entry::connector(
        quote!(),
        quote! {
            impl Widget {
                /// Lists.
                #[command(timeout = wait_time, outputs("widgets", "total"), mock(default = one_widget, empty = mocks::none))]
                async fn list(
                    &self,
                    /// Milliseconds.
                    delay_ms: Option<u64>,
                ) -> Outcome<Value> {
                    todo()
                }
                /// Stops.
                #[command(timeout = 5000, effect = delete, variables(stop_count = u64, last = Option<String>))]
                fn stop(&self) -> Outcome {
                    succeed(())
                }
            }
        }
    )));
}

#[test]
fn renamed_crate() {
    let structure = quote! {
        /// Widgets.
        struct Widget {
            /// Count.
            #[config(max = 3)]
            count: u8,
        }
    };
    let block = quote! {
        impl Widget {
            /// Lists.
            #[command]
            fn list(&self) {}
        }
    };
    let mut text = right(entry::connector(
        quote!(name = "widget", version = "1.0.0", crate = "::rt", lock = "widget.lock"),
        structure,
    ));
    text += &right(entry::connector(quote!(crate = "::rt"), block));
    assert!(!text.contains("connector_runtime"), "{text}");
    snapshot!(text);
}

#[test]
fn payload() {
    snapshot!(right(entry::payload(
        quote!(),
        quote! {
            /// One page.
            #[derive(Debug)]
            pub struct Page {
                /// The widgets.
                widgets: Vec<Value>,
                /// In all.
                #[output(name = "total")]
                #[serde(skip_serializing_if = "Option::is_none")]
                in_all: Option<u64>,
                /// Kept as it is.
                _cursor: Option<String>,
            }
        }
    )));
}

#[test]
fn object_with_defaults() {
    snapshot!(right(entry::object(
        quote!(),
        quote! {
            /// A filter.
            struct Filter {
                /// Most.
                #[param(default = 50, min = 1, max = 500, label = "Limit", example = 20)]
                max_items: u32,
                /// Word.
                #[param(min_length = 2, max_length = 9, pattern = "^[a-z]+$")]
                word: String,
                /// Anything.
                #[param(name = "any")]
                anything: Option<Value>,
            }
        }
    )));
}

#[test]
fn select() {
    snapshot!(right(entry::select(quote! {
        /// A state.
        pub enum State {
            /// In use.
            Active,
            /// Out of service.
            #[select(label = "Paused")]
            OnHold,
            /// Gone.
            #[select(name = "DELETED")]
            Gone,
        }
    })));
}

#[test]
fn a_wrong_struct_keeps_the_item_and_a_dummy() {
    snapshot!(pretty(entry::connector(
        quote!(name = "Widget", version = "1", colour = "red"),
        quote! {
            pub struct Widget {
                #[config(min = 3, max = 2)]
                count: u32,
            }
        }
    )));
}

#[test]
fn a_wrong_block_keeps_the_methods_and_the_params() {
    snapshot!(pretty(entry::connector(
        quote!(),
        quote! {
            impl Widget {
                #[command(effect = write)]
                fn list(
                    &self,
                    /// Most.
                    #[config(default = 3)]
                    limit: u32,
                ) -> Outcome {
                    succeed(())
                }
            }
        }
    )));
}

#[test]
fn wrong_data_keeps_the_item() {
    let page = quote! {
        struct Page {
            total: u64,
        }
    };
    let mut text = pretty(entry::payload(quote!(name = "page"), page.clone()));
    text.push_str("\n\n");
    text += &pretty(entry::object(quote!(), page));
    text.push_str("\n\n");
    text += &pretty(entry::select(quote!(
        enum State {
            Active(u32),
        }
    )));
    snapshot!(text);
}

#[test]
fn an_item_that_is_none_is_given_back() {
    let item = quote!(
        fn list() {}
    );
    let (tokens, errors) = entry::connector(quote!(name = "widget"), item.clone());
    assert_eq!(tokens.to_string(), item.to_string());
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].to_string(), crate::diag::NOT_A_CONNECTOR);
}

mod names {
    use quote::format_ident;

    use crate::names::{camel, is_connector_name, is_wire_name, label, pascal, snake};

    #[test]
    fn from_rust_to_the_wire() {
        for (rust, wire, params) in [
            ("list_widgets", "listWidgets", "ListWidgets"),
            ("test", "test", "Test"),
            ("r#type", "type", "Type"),
            ("_hidden_one", "_hiddenOne", "HiddenOne"),
            ("http2_ping", "http2Ping", "Http2Ping"),
            ("trailing_", "trailing", "Trailing"),
        ] {
            let ident = syn::parse_str::<syn::Ident>(rust).unwrap();
            assert_eq!((camel(&ident), pascal(&ident)), (wire.to_owned(), params.to_owned()), "{rust}");
        }
    }

    #[test]
    fn variants_to_values_and_labels() {
        for (variant, value, shown) in [
            ("OnHold", "on_hold", "On hold"),
            ("Active", "active", "Active"),
            ("HTTPServer", "http_server", "Http server"),
            ("V2", "v2", "V2"),
        ] {
            let ident = format_ident!("{variant}");
            assert_eq!((snake(&ident), label(&ident)), (value.to_owned(), shown.to_owned()));
        }
    }

    #[test]
    fn connector_names_are_those_of_the_contract() {
        let longest = "a".repeat(63);
        for name in ["http", "google-workspace", "a1-2b", "3scale", longest.as_str()] {
            assert!(is_connector_name(name), "{name}");
        }
        let too_long = "a".repeat(64);
        let wrong = ["", "-", "a-", "-a", "a--b", "A", "a_b", "é", "agents", "parse-oas", too_long.as_str()];
        let ids = ["01234567-89ab-cdef-0123-456789abcdef", "0123456789abcdef0123456789abcdef"];
        for name in wrong.into_iter().chain(ids) {
            assert!(!is_connector_name(name), "{name}");
        }
    }

    #[test]
    fn wire_names_are_those_of_the_contract() {
        let longest = "a".repeat(128);
        assert!(["a", "_", "aB_9", longest.as_str()].into_iter().all(is_wire_name));
        let too_long = "a".repeat(129);
        assert!(!["", "9a", "a-b", "é", "a b", too_long.as_str()].into_iter().any(is_wire_name));
    }
}

#[test]
fn what_the_runtime_reads_is_not_dead() {
    let text = right(entry::connector(
        quote!(name = "widget", version = "1.0.0", lock = false),
        quote! {
            /// Widget platform connector.
            pub struct Widget {
                /// Certificate.
                client_certificate: Option<String>,
                /// Its key.
                client_key: Option<Secret>,
                /// API key.
                api_key: Secret,
            }
        },
    ));
    let dead = |field: &str| text.contains(&format!("#[allow(dead_code)]\n    {field}: "));
    assert!(dead("client_certificate") && dead("client_key") && !dead("api_key"), "{text}");
}
