//! How the pages of a list are turned, as the answer and the params together show it.
//!
//! What services call their cursors and links is the same few words everywhere; they stand at the top of the answer or in
//! an object or two of it. A link comes before a page number, because some services answer 404 after the last page.

use connector_runtime::schema::{Field, FieldKind, Fields};
use serde_json::Value;

use super::command::Making;
use super::operations::{Operation, escape};
use super::outputs::Outputs;
use super::table::{Pages, Param};

/// Params that take a cursor.
const CURSORS: [&str; 14] = [
    "cursor",
    "pagetoken",
    "nexttoken",
    "nextcursor",
    "nextpagetoken",
    "continuationtoken",
    "continuation",
    "after",
    "pageafter",
    "pagecursor",
    "marker",
    "starttoken",
    "startcursor",
    "bookmark",
];
/// Parts of an answer that hold the next cursor.
const NEXT: [&str; 13] = [
    "nextcursor",
    "nextpagetoken",
    "nexttoken",
    "nextpagecursor",
    "continuationtoken",
    "nextmarker",
    "aftercursor",
    "endcursor",
    "nextafter",
    "bookmark",
    "cursor",
    "next",
    "after",
];
/// Parts of an answer that hold the URL of the next page.
const LINKS: [&str; 9] = [
    "odatanextlink",
    "nextlink",
    "nexturl",
    "nextpageurl",
    "nextrecordsurl",
    "nexthref",
    "nextpage",
    "nexthrefurl",
    "next",
];
/// Params that count pages, and items.
const PAGE: [&str; 5] = ["page", "pagenumber", "pageno", "pageindex", "currentpage"];
const OFFSET: [&str; 6] = ["offset", "skip", "startat", "startindex", "sysparmoffset", "firstresult"];
/// Flags that say whether there are more pages, and whether there are none.
const MORE: [&str; 4] = ["hasmore", "hasnextpage", "hasnext", "more"];
const LAST: [&str; 4] = ["islast", "last", "lastpage", "done"];
/// How deep in an answer cursors, links and flags are looked for.
const MAX_DEPTH: usize = 3;

fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A part of the answer that is no list.
struct Part<'s> {
    pointer: String,
    name: String,
    /// The folded name of the object around it.
    around: String,
    depth: usize,
    schema: &'s Value,
}

fn typed(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|known| known == kind),
        Some(known) => known == kind,
        None => false,
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Returns whether a part of this name may say how pages are turned.
fn is_telling(name: &str) -> bool {
    name == "href" || [&NEXT[..], &LINKS, &MORE, &LAST].iter().any(|words| words.contains(&name))
}

/// Collects the parts of an answer whose names may say how pages are turned, those at the top first.
fn parts(schema: &Value) -> Vec<Part<'_>> {
    let mut all: Vec<Part<'_>> = Vec::new();
    let mut level = vec![(String::new(), String::new(), schema)];
    for depth in 0..MAX_DEPTH {
        let mut below = Vec::new();
        for (pointer, around, schema) in level {
            for (name, schema) in properties(schema).filter(|(_, schema)| !typed(schema, "array")) {
                let (is_around, folded) = (properties(schema).next().is_some(), folded(name));
                let is_telling = is_telling(&folded);
                if !is_around && !is_telling {
                    continue;
                }
                let pointer = format!("{pointer}/{}", escape(name));
                if is_around {
                    below.push((pointer.clone(), folded.clone(), schema));
                }
                if is_telling {
                    all.push(Part { pointer, name: folded, around: around.clone(), depth, schema });
                }
            }
        }
        level = below;
    }
    all
}

/// Finds the list: the answer itself, or its one list, or its one list of objects. `None` if there is none.
fn items(schema: &Value) -> Option<Option<String>> {
    if typed(schema, "array") {
        return Some(None);
    }
    let lists = || properties(schema).filter(|(_, schema)| typed(schema, "array"));
    let of_objects = || {
        lists().filter(|(_, list)| {
            list.get("items").is_some_and(|item| typed(item, "object") || item.get("properties").is_some())
        })
    };
    let one = |mut all: Box<dyn Iterator<Item = (&String, &Value)> + '_>| match (all.next(), all.next()) {
        (Some((name, _)), None) => Some(Some(format!("/{}", escape(name)))),
        _ => None,
    };
    one(Box::new(lists())).or_else(|| one(Box::new(of_objects())))
}

/// Proposes how to turn pages and adds the param `allPages`.
pub(super) fn pages(
    making: &mut Making<'_, '_>,
    operation: &Operation<'_>,
    params: &[Param],
    outputs: &Outputs,
    fields: &mut Fields,
) -> Option<Pages> {
    if operation.method != "GET" || fields.contains_key("allPages") {
        return None;
    }
    let schema = outputs.schema.as_ref()?;
    let pages = shape(schema, params, outputs.link, fields)?;
    let (key, _) = making.keys.take("allPages", "turn");
    let mut field = Field::new(FieldKind::Boolean);
    field.default = Some(Value::Bool(false));
    field.description = Some("Fetch every page and answer with all items together.".to_owned());
    fields.insert(key, field);
    Some(pages)
}

fn shape(schema: &Value, params: &[Param], link: bool, fields: &Fields) -> Option<Pages> {
    let items = items(schema)?;
    let parts = parts(schema);
    let query = |fits: &dyn Fn(&str) -> bool| {
        let mut all = params.iter().filter(|param| param.location == "query" && !param.required);
        all.find(|param| fits(&folded(&param.name))).map(|param| param.key.clone())
    };
    let is_number = |key: &String| fields.get(key).is_some_and(|field| field.kind == FieldKind::Number);
    let part = |fits: &dyn Fn(&Part<'_>) -> bool| {
        let fitting = parts.iter().filter(|part| fits(part));
        fitting.min_by_key(|part| part.depth).map(|part| part.pointer.clone())
    };
    let is_text = |part: &Part<'_>| {
        !typed(part.schema, "object") && !typed(part.schema, "boolean") && !typed(part.schema, "integer")
    };
    let flag = |words: &'static [&'static str]| {
        part(&|part| typed(part.schema, "boolean") && words.contains(&part.name.as_str()))
    };
    let pages = Pages { items, more: flag(&MORE), last: flag(&LAST), ..Pages::default() };
    // `after` alone may be anything; beside the page before, or inside of what is next, it is a cursor.
    let is_cursor = |part: &Part<'_>| {
        let scalar = !typed(part.schema, "object") && !typed(part.schema, "boolean");
        let sure = part.name != "after" || matches!(part.around.as_str(), "next" | "cursors" | "cursor" | "paging");
        scalar && sure && NEXT.contains(&part.name.as_str())
    };
    let cursor = query(&|name| CURSORS.contains(&name));
    if let (Some(key), Some(next)) = (&cursor, part(&is_cursor)) {
        return Some(Pages { by: "cursor".to_owned(), key: Some(key.clone()), next: Some(next), ..pages });
    }
    let is_link = |part: &Part<'_>| {
        is_text(part) && (LINKS.contains(&part.name.as_str()) || part.name == "href" && part.around == "next")
    };
    if let Some(next) = part(&is_link) {
        return Some(Pages { by: "link".to_owned(), next: Some(next), ..pages });
    }
    if link {
        return Some(Pages { by: "link".to_owned(), ..pages });
    }
    let last_item = query(&|name| name == "startingafter");
    if let Some(key) = last_item.filter(|_| pages.more.is_some()) {
        return Some(Pages { by: "last".to_owned(), key: Some(key), next: Some("/id".to_owned()), ..pages });
    }
    let number = |fits: &dyn Fn(&str) -> bool| query(fits).filter(is_number);
    let bound = |key: &str| {
        let field = fields.get(key)?;
        let whole = |number: Option<&serde_json::Number>| number.and_then(serde_json::Number::as_i64);
        whole(field.default.as_ref().and_then(Value::as_number)).or_else(|| whole(field.minimum.as_ref()))
    };
    if let Some(key) = number(&|name| PAGE.contains(&name)) {
        let first = Some(bound(&key).unwrap_or(1));
        return Some(Pages { by: "page".to_owned(), key: Some(key), first, ..pages });
    }
    let counted = query(&|name| name == "max").is_some();
    let key = number(&|name| OFFSET.contains(&name) || name == "first" && counted)?;
    // SCIM counts from one (RFC 7644, section 3.4.2.4).
    let first = bound(&key).or_else(|| (folded(&key) == "startindex").then_some(1));
    Some(Pages { by: "offset".to_owned(), key: Some(key), first, ..pages })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::paths;

    /// How pages would be turned: by what, with which param, and where the next one is.
    fn shape(params: &[(&str, &str)], answer: &serde_json::Value) -> String {
        let params: Vec<_> = params
            .iter()
            .map(|(name, kind)| json!({ "name": name, "in": "query", "schema": { "type": kind } }))
            .collect();
        let draft = paths(json!({ "/a": { "get": { "parameters": params, "responses": { "200": { "description": "",
            "content": { "application/json": { "schema": answer } } } } } } }));
        let table = super::super::script_table(&draft.script_source).unwrap();
        let Some(pages) = &table["getA"].pages else { return "none".to_owned() };
        let texts = [Some(pages.by.as_str()), pages.key.as_deref(), pages.next.as_deref(), pages.items.as_deref()];
        let flags = [
            pages.more.as_deref().map(|at| format!("while {at}")),
            pages.last.as_deref().map(|at| format!("until {at}")),
        ];
        let texts = texts.into_iter().flatten().map(str::to_owned);
        texts.chain(flags.into_iter().flatten()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn shapes_of_pages_that_well_known_services_use() {
        let list = json!({ "type": "array", "items": { "type": "object" } });
        let (text, flag, number) =
            (json!({ "type": "string" }), json!({ "type": "boolean" }), json!({ "type": "integer" }));
        let of = |properties: serde_json::Value| json!({ "type": "object", "properties": properties });
        for (params, answer, expected) in [
            (
                &[("cursor", "string")][..],
                of(json!({ "ok": flag, "members": list, "response_metadata": of(json!({ "next_cursor": text })) })),
                "cursor cursor /response_metadata/next_cursor /members",
            ),
            (
                &[("starting_after", "string")],
                of(json!({ "object": text, "data": list, "has_more": flag, "url": text })),
                "last starting_after /id /data while /has_more",
            ),
            (
                &[("$top", "integer"), ("$skip", "integer")],
                of(json!({ "value": list, "@odata.nextLink": text })),
                "link /@odata.nextLink /value",
            ),
            (
                &[("pageToken", "string")],
                of(json!({ "users": list, "nextPageToken": text, "kind": text })),
                "cursor pageToken /nextPageToken /users",
            ),
            (
                &[("after", "string")],
                of(json!({ "results": list, "paging": of(json!({ "next": of(json!({ "after": text })) })) })),
                "cursor after /paging/next/after /results",
            ),
            (
                &[("page[after]", "string")],
                of(
                    json!({ "users": list, "meta": of(json!({ "has_more": flag, "after_cursor": text })), "links": of(json!({ "next": text })) }),
                ),
                "cursor pageAfter /meta/after_cursor /users while /meta/has_more",
            ),
            (
                &[("page", "integer")],
                of(json!({ "users": list, "next_page": text, "count": number })),
                "link /next_page /users",
            ),
            (
                &[("q", "string")],
                of(json!({ "records": list, "done": flag, "nextRecordsUrl": text })),
                "link /nextRecordsUrl /records until /done",
            ),
            (
                &[("startIndex", "integer")],
                of(json!({ "Resources": list, "totalResults": number, "schemas": { "type": "array", "items": text } })),
                "offset startIndex /Resources",
            ),
            (
                &[("startAt", "integer")],
                of(json!({ "values": list, "total": number, "isLast": flag })),
                "offset startAt /values until /isLast",
            ),
            (
                &[("nextPageToken", "string")],
                of(json!({ "issues": list, "nextPageToken": text })),
                "cursor nextPageToken /nextPageToken /issues",
            ),
            (&[("page", "integer"), ("per_page", "integer")], list.clone(), "page page"),
            (
                &[("page", "integer")],
                of(
                    json!({ "count": number, "next": { "type": ["string", "null"] }, "previous": text, "results": list }),
                ),
                "link /next /results",
            ),
            (
                &[("limit", "integer"), ("offset", "integer")],
                of(json!({ "count": number, "next": text, "results": list })),
                "link /next /results",
            ),
            (&[("first", "integer"), ("max", "integer")], list.clone(), "offset first"),
            (&[("sysparm_offset", "integer")], of(json!({ "result": list })), "offset sysparm_offset /result"),
            (
                &[("cursor", "string")],
                of(json!({ "results": list, "_links": of(json!({ "next": text })) })),
                "cursor cursor /_links/next /results",
            ),
            (
                &[("limit", "integer")],
                of(json!({ "results": list, "_links": of(json!({ "next": of(json!({ "href": text })) })) })),
                "link /_links/next/href /results",
            ),
            (
                &[("NextToken", "string")],
                of(json!({ "Items": list, "NextToken": text })),
                "cursor NextToken /NextToken /Items",
            ),
            (&[("limit", "integer"), ("offset", "integer")], list.clone(), "offset offset"),
            (
                &[("page_cursor", "string")],
                of(json!({ "data": list, "next_page_cursor": text })),
                "cursor page_cursor /next_page_cursor /data",
            ),
            (
                &[("page", "integer")],
                of(json!({ "content": list, "totalPages": number, "last": flag })),
                "page page /content until /last",
            ),
            (
                &[("cursor", "string")],
                of(
                    json!({ "entries": list, "warnings": { "type": "array", "items": text }, "cursor": text, "has_more": flag }),
                ),
                "cursor cursor /cursor /entries while /has_more",
            ),
            (&[("after", "string")], of(json!({ "data": list, "after": text })), "none"),
            (&[("page", "integer")], of(json!({ "a": list, "b": list })), "none"),
        ] {
            assert_eq!(shape(params, &answer), expected);
        }
    }
}
