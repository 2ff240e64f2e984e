//! Reads the pages that maud has written: well-formed, so a scan is enough. What it finds is what a browser would.

use std::collections::BTreeMap;

/// An element: its tag, its attributes, the text in it, and the numbers of the elements around it.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Element {
    pub(in crate::ui) tag: String,
    pub(in crate::ui) attributes: BTreeMap<String, String>,
    pub(in crate::ui) text: String,
    pub(in crate::ui) within: Vec<usize>,
}

impl Element {
    pub(in crate::ui) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(in crate::ui) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }
}

const VOID: [&str; 4] = ["input", "meta", "link", "br"];

/// Reads a page into its elements, in their order.
#[track_caller]
pub(in crate::ui) fn read(page: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap_or(page);
    while !rest.is_empty() {
        let Some(tag) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            let text = unescape(&rest[..end]);
            for number in &open {
                elements[*number].text.push_str(&text);
            }
            rest = &rest[end..];
            continue;
        };
        let end = tag.find('>').expect("a tag ends");
        let (inside, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            let last = open.pop().expect("an open element");
            assert_eq!(elements[last].tag, name, "elements end in their order");
            continue;
        }
        let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        let element = Element {
            tag: name.to_owned(),
            attributes: attributes_of(attributes),
            text: String::new(),
            within: open.clone(),
        };
        elements.push(element);
        if !VOID.contains(&name) {
            open.push(elements.len() - 1);
        }
    }
    assert!(open.is_empty(), "every element ends");
    elements
}

fn attributes_of(mut text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return attributes;
        }
        let end = text.find(['=', ' ']).unwrap_or(text.len());
        let name = text[..end].to_owned();
        let mut value = String::new();
        text = &text[end..];
        if let Some(quoted) = text.strip_prefix("=\"") {
            let end = quoted.find('"').expect("a value ends");
            value = unescape(&quoted[..end]);
            text = &quoted[end + 1..];
        }
        let before = attributes.insert(name.clone(), value);
        assert!(before.is_none(), "the attribute {name} is there twice");
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Returns what a browser sends for the only form of a page, without its buttons.
pub(in crate::ui) fn submission(page: &str) -> Vec<u8> {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    let elements = read(page);
    for (number, element) in elements.iter().enumerate() {
        let Some(name) = element.get("name") else { continue };
        if element.has("disabled") {
            continue;
        }
        let value = element.get("value").unwrap_or_default();
        match (element.tag.as_str(), element.get("type").unwrap_or("text")) {
            ("input", "radio" | "checkbox") if !element.has("checked") => {}
            ("input", "radio" | "checkbox" | "hidden") => drop(pairs.append_pair(name, &breaks(value))),
            // An input of one line has no line breaks.
            ("input", _) => drop(pairs.append_pair(name, &value.replace(['\n', '\r'], ""))),
            ("textarea", _) => {
                let text = element.text.strip_prefix('\n').unwrap_or(&element.text);
                pairs.append_pair(name, &breaks(text));
            }
            ("select", _) => {
                let mut options =
                    elements.iter().filter(|other| other.tag == "option" && other.within.contains(&number));
                let first = options.clone().next();
                let chosen = options.find(|option| option.has("selected")).or(first);
                pairs.append_pair(name, chosen.and_then(|option| option.get("value")).unwrap_or_default());
            }
            _ => {}
        }
    }
    pairs.finish().into_bytes()
}

/// Writes line breaks as browsers send them.
fn breaks(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n").replace('\0', "\u{fffd}")
}

/// Returns what a browser sends for the form of a page that is sent to `action`, without its buttons.
#[track_caller]
pub(in crate::ui) fn submission_of(page: &str, action: &str) -> Vec<u8> {
    let start = page.find(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("no form for {action} in {page}"));
    let start = page[..start].rfind("<form").unwrap();
    let end = start + page[start..].find("</form>").unwrap() + "</form>".len();
    submission(&page[start..end])
}

/// Returns the text of a page as a person reads it.
pub(in crate::ui) fn text(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        text.push_str(&unescape(&rest[..start]));
        rest = &rest[start..];
        let end = rest.find('>').map_or(rest.len(), |end| end + 1);
        // What stands in a control is what a person reads too.
        if let Some(value) = rest[..end].split(" value=\"").nth(1).and_then(|value| value.split('"').next()) {
            text.push(' ');
            text.push_str(&unescape(value));
            text.push(' ');
        }
        rest = &rest[end..];
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
