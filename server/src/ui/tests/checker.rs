//! What holds for every page: it can be read, operated and understood without seeing it.

use std::collections::BTreeSet;

use super::browser::Page;
use super::html::{self, Element};

/// Checks a page.
#[track_caller]
pub(super) fn check(page: &Page) {
    if !page.header("content-type").starts_with("text/html") {
        return;
    }
    let elements = html::read(&page.text);
    let mut faults = Vec::new();
    ids(&elements, &mut faults);
    references(&elements, &mut faults);
    names(&elements, &mut faults);
    headings(&elements, &mut faults);
    inline(&elements, &mut faults);
    let title = elements.iter().find(|element| element.tag == "title").map_or("", |title| title.text.as_str());
    if !title.ends_with(" · Floh") {
        faults.push(format!("the title {title:?}"));
    }
    if (page.status == 422 || page.status == 412)
        && !title.starts_with("Error: ")
        && !page.text.contains("class=\"empty\"")
    {
        faults.push(format!("the title of a refused form: {title:?}"));
    }
    for name in ["content-security-policy", "x-frame-options", "referrer-policy", "cross-origin-opener-policy"] {
        if page.header(name).is_empty() {
            faults.push(format!("no header {name}"));
        }
    }
    assert!(faults.is_empty(), "{}: {faults:#?}\n{}", page.address, page.text);
}

fn ids(elements: &[Element], faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for id in elements.iter().filter_map(|element| element.get("id")) {
        if id.is_empty() || !seen.insert(id) {
            faults.push(format!("the id {id:?} is there twice or empty"));
        }
    }
}

/// Whatever names another element names one that is there.
fn references(elements: &[Element], faults: &mut Vec<String>) {
    let ids: BTreeSet<&str> = elements.iter().filter_map(|element| element.get("id")).collect();
    let naming = [
        "for",
        "aria-describedby",
        "aria-labelledby",
        "commandfor",
        "popovertarget",
        "list",
        "data-reveal",
        "data-copy-from",
    ];
    for element in elements {
        for name in naming {
            for id in element.get(name).unwrap_or_default().split_whitespace() {
                if !ids.contains(id) {
                    faults.push(format!("{name}={id:?} of <{}> names nothing", element.tag));
                }
            }
        }
        if let Some(id) = element.get("href").and_then(|href| href.strip_prefix('#'))
            && !ids.contains(id)
        {
            faults.push(format!("the link #{id} leads nowhere"));
        }
    }
}

fn is_hidden(element: &Element) -> bool {
    element.get("aria-hidden") == Some("true") || element.get("type") == Some("hidden")
}

/// Controls, buttons, links, tables, dialogs and landmarks have names.
fn names(elements: &[Element], faults: &mut Vec<String>) {
    let labelled: BTreeSet<&str> =
        elements.iter().filter(|element| element.tag == "label").filter_map(|label| label.get("for")).collect();
    let is_named = |element: &Element| {
        let by = |name: &str| element.get(name).is_some_and(|text| !text.trim().is_empty());
        by("aria-label") || by("aria-labelledby")
    };
    for element in elements.iter().filter(|element| !is_hidden(element)) {
        let in_label = element
            .within
            .iter()
            .any(|number| elements[*number].tag == "label" && !elements[*number].text.trim().is_empty());
        let has_label = element.get("id").is_some_and(|id| labelled.contains(id));
        let fault = match element.tag.as_str() {
            "input" | "select" | "textarea" => !is_named(element) && !in_label && !has_label,
            "button" | "a" | "summary" | "legend" => !is_named(element) && element.text.trim().is_empty(),
            "table" => !elements.iter().any(|other| {
                other.tag == "caption"
                    && other.within.last().is_some_and(|number| std::ptr::eq(&raw const elements[*number], element))
            }),
            "dialog" | "nav" | "aside" if element.tag != "aside" || element.has("popover") => !is_named(element),
            "svg" if element.get("role") == Some("img") => !is_named(element),
            "fieldset" => !elements.iter().any(|other| {
                other.tag == "legend"
                    && other.within.last().is_some_and(|number| std::ptr::eq(&raw const elements[*number], element))
            }),
            _ => false,
        };
        if fault {
            faults.push(format!("a <{}> without a name: {:?}", element.tag, element.attributes));
        }
        let is_interactive = |tag: &str| matches!(tag, "a" | "button" | "input" | "select" | "textarea");
        if is_interactive(&element.tag)
            && element.within.iter().any(|number| matches!(elements[*number].tag.as_str(), "summary" | "a" | "button"))
        {
            faults.push(format!("a <{}> inside of what can be pressed itself", element.tag));
        }
    }
}

/// One h1, and no level is skipped.
fn headings(elements: &[Element], faults: &mut Vec<String>) {
    let levels: Vec<u32> = elements
        .iter()
        .filter(|element| {
            !element.within.iter().any(|number| elements[*number].tag == "dialog" || elements[*number].tag == "aside")
        })
        .filter_map(|element| element.tag.strip_prefix('h')?.parse().ok())
        .collect();
    if levels.iter().filter(|level| **level == 1).count() != 1 {
        faults.push(format!("not one h1: {levels:?}"));
    }
    if levels.windows(2).any(|pair| pair[1] > pair[0] + 1) {
        faults.push(format!("a level of headings is skipped: {levels:?}"));
    }
}

/// No script or style in the page itself, and nothing from elsewhere.
fn inline(elements: &[Element], faults: &mut Vec<String>) {
    for element in elements {
        for (name, value) in &element.attributes {
            if name == "style" || name.starts_with("on") {
                faults.push(format!("{name} on <{}>", element.tag));
            }
            let loads = matches!(name.as_str(), "src" | "action") || (name == "href" && element.tag == "link");
            if loads && !value.starts_with('/') {
                faults.push(format!("{name}={value:?} leads elsewhere"));
            }
        }
        if matches!(element.tag.as_str(), "script" | "style") && !element.text.is_empty() {
            faults.push(format!("text in a <{}>", element.tag));
        }
        if element.get("tabindex").is_some_and(|index| index != "0" && index != "-1") {
            faults.push("a tabindex above 0".to_owned());
        }
    }
}
