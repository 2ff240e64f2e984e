//! What holds for every pair and triple of schemas. Schemas grow from a list of small numbers, one a
//! trait, so that changing a few of them gives a neighbour: two schemas drawn apart are hardly ever a
//! minor change apart.

use proptest::collection::vec;
use proptest::prelude::*;
use semver::Version;
use serde_json::{Number, Value, json};

use crate::version::{Level, check_floor, diff, suggested_version};
use crate::{Choice, Command, ConfigSchema, Effect, Field, FieldKind, Fields, NestedSchema, Pattern, Source};

/// Reads traits one after another.
struct Genes<'a>(std::slice::Iter<'a, u8>);

impl Genes<'_> {
    fn of(&mut self, count: u8) -> u8 {
        self.0.next().copied().unwrap_or(0) % count
    }

    fn flag(&mut self) -> bool {
        self.of(2) == 1
    }

    /// Nothing, or one of some values.
    fn maybe<T: Clone>(&mut self, values: &[T]) -> Option<T> {
        let chosen = self.of(u8::try_from(values.len()).unwrap() + 1);
        chosen.checked_sub(1).map(|index| values[usize::from(index)].clone())
    }

    fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[usize::from(self.of(u8::try_from(values.len()).unwrap()))].clone()
    }

    fn field(&mut self) -> Field {
        let kind = self.pick(&[FieldKind::String, FieldKind::Number, FieldKind::Select, FieldKind::Raw]);
        let mut field = Field::new(kind);
        field.required = self.flag();
        field.default = self.maybe(&[Value::Null, json!(1), json!("a")]);
        field.description = self.maybe(&["x".to_owned(), "y".to_owned()]);
        field.example = self.maybe(&[json!(1)]);
        field.format = self.maybe(&["uri".to_owned(), "hostname".to_owned()]);
        field.secret = self.flag();
        field.integer = self.flag();
        field.minimum = self.maybe(&[Number::from(1), Number::from_f64(1.0).unwrap(), Number::from(2)]);
        field.maximum = self.maybe(&[Number::from(i64::MAX), Number::from(u64::MAX), Number::from_f64(9e99).unwrap()]);
        field.min_length = self.maybe(&[1, 2]);
        field.max_length = self.maybe(&[8, 9]);
        field.pattern = self.maybe(&["a", "b"]).map(|text| Pattern::parse(text).unwrap());
        let choice = |value: &str, label: &str| Choice { value: json!(value), label: Some(label.to_owned()) };
        let (a, b, c) = (choice("a", "A"), choice("b", "B"), choice("b", "other"));
        field.options =
            self.pick(&[vec![], vec![a.clone()], vec![a.clone(), b.clone()], vec![b, a.clone()], vec![a, c]]);
        field.schema = self.flag().then(|| NestedSchema::new(self.nested()));
        field
    }

    fn fields(&mut self) -> Fields {
        let mut fields: Vec<(String, Field)> = Vec::new();
        for name in ["a", "b"] {
            let (present, first, field) = (self.of(3) > 0, self.flag(), self.field());
            if present {
                fields.insert(if first { 0 } else { fields.len() }, (name.to_owned(), field));
            }
        }
        fields.into_iter().collect()
    }

    fn command(&mut self) -> Command {
        Command {
            description: self.maybe(&["x".to_owned()]),
            params: self.fields(),
            outputs: self
                .pick(&[vec![], vec!["a"], vec!["a", "b"], vec!["b", "a"]])
                .into_iter()
                .map(str::to_owned)
                .collect(),
            output_schema: self.maybe(&[json!({})]),
            deprecated: self.flag(),
            deprecated_message: self.maybe(&["x".to_owned()]),
            added_in_version: self.maybe(&[Version::new(1, 0, 0)]),
            effect: self.maybe(&[Effect::Read, Effect::Update]),
            idempotent: self.flag(),
            variables: self.flag().then(|| self.fields()),
            source: self.maybe(&[Source { method: "GET".to_owned(), path: "/".to_owned(), operation_id: None }]),
        }
    }

    fn schema(&mut self) -> ConfigSchema {
        let connection = self.fields();
        let mut commands = Vec::new();
        for name in ["list", "show"] {
            let (present, first, command) = (self.of(3) > 0, self.flag(), self.command());
            if present {
                commands.insert(if first { 0 } else { commands.len() }, (name.to_owned(), command));
            }
        }
        let default_command = self.maybe(&["list".to_owned(), "show".to_owned()]);
        ConfigSchema {
            connection,
            commands: commands.into_iter().collect(),
            default_command,
            egress: None,
            open: false,
        }
    }

    fn nested(&mut self) -> Value {
        let parts = [
            ("type", self.maybe(&[json!("integer"), json!("number"), json!(["number", "null"]), json!("object")])),
            ("title", self.maybe(&[json!("x")])),
            ("minimum", self.maybe(&[json!(1), json!(1.5)])),
            ("enum", self.maybe(&[json!([1]), json!([1, 2]), json!([2, 1])])),
            ("const", self.maybe(&[json!(1)])),
            ("required", self.maybe(&[json!([]), json!(["a"]), json!(["b", "a"])])),
            (
                "properties",
                self.maybe(&[
                    json!({}),
                    json!({ "a": { "type": "string" } }),
                    json!({ "a": { "type": ["string", "null"] } }),
                    json!({ "a": { "$ref": "#/$defs/d" }, "b": {} }),
                ]),
            ),
            ("additionalProperties", self.maybe(&[json!(false), json!(true), json!({ "maxLength": 3 })])),
            (
                "items",
                self.maybe(&[
                    json!(false),
                    json!({ "maxLength": 3 }),
                    json!({ "$ref": "#/$defs/d" }),
                    json!({ "$ref": "#" }),
                ]),
            ),
            ("$ref", self.maybe(&[json!("#/$defs/d")])),
            (
                "$defs",
                Some(json!({ "d": self.pick(&[
                json!(true),
                json!({ "minimum": 1 }),
                json!({ "type": "string" }),
                json!({ "not": { "type": "string" } }),
            ]) })),
            ),
            ("anyOf", self.maybe(&[json!([{ "minimum": 1 }]), json!([{ "minimum": 0 }, { "$ref": "#/$defs/d" }])])),
            ("allOf", self.maybe(&[json!([{ "minimum": 1 }]), json!([{ "minimum": 0 }, { "$ref": "#/$defs/d" }])])),
            (
                "oneOf",
                self.maybe(&[
                    json!([{ "const": "a" }]),
                    json!([{ "const": "b" }, { "const": "a", "title": "A" }]),
                    json!([{ "minimum": 1 }]),
                    json!([{ "minimum": 1, "title": "x" }]),
                ]),
            ),
            (
                "not",
                self.maybe(&[
                    json!({ "minimum": 1 }),
                    json!({ "minimum": 1, "title": "x" }),
                    json!({ "$ref": "#/$defs/d" }),
                ]),
            ),
            ("pattern", self.maybe(&[json!("a"), json!("b")])),
            ("format", self.maybe(&[json!("password"), json!("uri")])),
            ("writeOnly", self.maybe(&[json!(true)])),
            ("default", self.maybe(&[json!(1), json!(null)])),
            ("uniqueItems", self.maybe(&[json!(false), json!(true)])),
            ("multipleOf", self.maybe(&[json!(2)])),
            ("patternProperties", self.maybe(&[json!({ "^a": {} }), json!({ "^a": { "minimum": 1 } })])),
            ("dependentRequired", self.maybe(&[json!({ "a": ["b"] })])),
        ];
        parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

const GENES: usize = 340;

fn grown(genes: &[u8]) -> ConfigSchema {
    Genes(genes.iter()).schema()
}

fn nested(genes: &[u8]) -> ConfigSchema {
    holding(Genes(genes.iter()).nested())
}

/// A schema with one field of this nested one.
fn holding(nested: Value) -> ConfigSchema {
    let schema = NestedSchema::new(nested);
    let field = Field { schema: Some(schema), ..Field::new(FieldKind::Raw) };
    ConfigSchema { connection: [("f".to_owned(), field)].into_iter().collect(), ..ConfigSchema::default() }
}

/// Two nested schemas of the same keywords, of which some have other values in the second.
fn alike(present: &[bool], changed: &[usize]) -> [serde_json::Map<String, Value>; 2] {
    let parts = [
        ("title", json!("x"), json!("y")),
        ("type", json!("string"), json!(["string", "null"])),
        ("minimum", json!(1), json!(2)),
        ("default", json!(1), json!(2)),
        ("maximum", json!(9), json!(8.5)),
        ("maxLength", json!(3), json!(4)),
        ("writeOnly", json!(true), json!(false)),
        ("properties", json!({ "a": { "minimum": 1 }, "b": {} }), json!({ "a": { "minimum": 2 }, "b": {} })),
        ("required", json!(["a"]), json!(["a", "b"])),
        ("items", json!({ "maxLength": 3 }), json!({ "maxLength": 2 })),
        ("enum", json!([1]), json!([1, 2])),
        ("pattern", json!("a"), json!("b")),
        ("anyOf", json!([{ "minimum": 1 }]), json!([{ "minimum": 0 }])),
        ("minLength", json!(0), json!(1)),
    ];
    [false, true].map(|is_new| {
        let part = |(at, (key, was, is)): (usize, &(&str, Value, Value))| {
            let value = if is_new && changed.contains(&at) { is } else { was };
            present[at].then(|| ((*key).to_owned(), value.clone()))
        };
        parts.iter().enumerate().filter_map(part).collect()
    })
}

fn told(old: Value, new: Value) -> Vec<(String, String, Level)> {
    let changes = diff(&holding(old), &holding(new)).items.into_iter();
    let mut told: Vec<_> =
        changes.map(|change| (change.pointer.clone(), change.message.clone(), change.level())).collect();
    told.sort();
    told
}

/// A few traits of a schema, changed.
fn edits() -> impl Strategy<Value = Vec<(usize, u8)>> {
    vec((any::<prop::sample::Index>().prop_map(|index| index.index(GENES)), any::<u8>()), 0..4)
}

/// As many for a nested schema, which is smaller.
fn nested_edits() -> impl Strategy<Value = Vec<(usize, u8)>> {
    vec((0..24_usize, any::<u8>()), 0..3)
}

fn edited(genes: &[u8], edits: &[(usize, u8)]) -> Vec<u8> {
    let mut genes = genes.to_vec();
    for (at, gene) in edits {
        genes[*at] = *gene;
    }
    genes
}

fn triple(of: fn(&[u8]) -> ConfigSchema, genes: &[u8], one: &[(usize, u8)], two: &[(usize, u8)]) -> [ConfigSchema; 3] {
    let middle = edited(genes, one);
    let last = edited(&middle, two);
    [of(genes), of(&middle), of(&last)]
}

fn check([a, b, c]: &[ConfigSchema; 3]) -> Result<(), TestCaseError> {
    prop_assert!(diff(a, a).is_empty());
    let [ab, bc, ac] = [diff(a, b), diff(b, c), diff(a, c)];
    prop_assert_eq!(ab.is_empty(), ab.level() == Level::None);
    if a != b {
        prop_assert_ne!(ab.level(), Level::None);
    }
    prop_assert!(ac.level() <= ab.level().max(bc.level()), "{:#?}\n{:#?}\n{:#?}", ab, bc, ac);
    let current = Version::new(0, 3, 1);
    prop_assert_eq!(check_floor(&current, &suggested_version(&current, ab.level()), ab.level()), Ok(()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn schemas(genes in vec(any::<u8>(), GENES), one in edits(), two in edits()) {
        check(&triple(grown, &genes, &one, &two))?;
    }

    #[test]
    fn nested_schemas(genes in vec(any::<u8>(), 24), one in nested_edits(), two in nested_edits()) {
        check(&triple(nested, &genes, &one, &two))?;
    }

    /// Where one keyword alone differs, the others are not looked at. In another order all of them are.
    #[test]
    fn one_changed_keyword_is_told_as_among_others(present in vec(any::<bool>(), 14), changed in vec(0..14_usize, 1..4)) {
        let [old, new] = alike(&present, &changed);
        let other_order: serde_json::Map<_, _> = new.clone().into_iter().rev().collect();
        prop_assert_eq!(told(old.clone().into(), new.into()), told(old.into(), other_order.into()));
    }

    #[test]
    fn strangers(a in vec(any::<u8>(), GENES), b in vec(any::<u8>(), GENES), c in vec(any::<u8>(), GENES)) {
        check(&[grown(&a), grown(&b), grown(&c)])?;
    }

    #[test]
    fn the_suggested_version_always_passes(
        numbers in any::<(u32, u32, u32)>(),
        pre in prop::option::of("[a-z]{1,3}"),
        level in prop::sample::select(vec![Level::None, Level::Patch, Level::Minor, Level::Major]),
    ) {
        let mut current = Version::new(numbers.0.into(), numbers.1.into(), numbers.2.into());
        current.pre = pre.map(|pre| semver::Prerelease::new(&pre).unwrap()).unwrap_or_default();
        let suggested = suggested_version(&current, level);
        prop_assert_eq!(check_floor(&current, &suggested, level), Ok(()));
        prop_assert_eq!(suggested > current, level > Level::None);
    }
}
