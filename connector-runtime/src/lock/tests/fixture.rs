//! Connectors whose locks are compared: two that are written down, and any number that grow from traits.

use crate::connector::Connector;
use crate::descriptor::{ChoiceSpec, CommandSpec, Descriptor, FieldSpec, Literal, Outputs, TypeSpec};
use crate::prelude::*;
use crate::schema::{Effect, FieldKind};

/// A connector to take descriptors from.
#[connector(name = "lock-lab", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub(super) struct Lab {
    /// A key.
    key: Secret,
    /// A "quoted" default.
    #[config(default = "a \"b\"\n\u{1}ü", pattern = "a .b", min_length = 2, max_length = 9)]
    text: String,
    /// How warm.
    #[config(default = -1.5, min = -2, max = 0.25)]
    warmth: f64,
}

/// An object.
#[object]
#[derive(Debug)]
pub(super) struct Inner {
    /// A size.
    #[param(default = 3, max = 9)]
    size: u8,
    /// Anything.
    any: Option<Value>,
}

#[connector]
impl Lab {
    /// Second by name.
    #[command(effect = read, idempotent, since = "1.0.0", deprecated = "use alpha", outputs("b", "a"))]
    fn beta(
        &self,
        /// A filter.
        filter: Inner,
    ) -> Outcome<Value> {
        let _ = (&self.key, &self.text, self.warmth, filter.size, filter.any);
        succeed(Value::Null)
    }

    /// First by name.
    #[command]
    fn alpha(&self) {}
}

/// A connector whose params are lists and maps.
#[connector(name = "list-lab", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub(super) struct ListLab {
    /// Sizes.
    sizes: Vec<u8>,
}

/// A node with others below it.
#[object]
#[derive(Debug)]
pub(super) struct Node {
    /// Those below.
    below: Option<Vec<Self>>,
    /// What is in it.
    inside: Vec<Inner>,
}

/// A way.
#[derive(Debug, Clone, Copy, Select)]
pub(super) enum Way {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// Only serde knows it.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Foreign;

#[connector]
impl ListLab {
    /// Takes lists.
    #[command]
    fn take(
        &self,
        /// Nodes.
        nodes: Option<Vec<Node>>,
        /// Ways by name.
        ways: std::collections::BTreeMap<String, Vec<Way>>,
        /// Plain ones.
        plain: std::collections::HashMap<String, Vec<Option<String>>>,
        /// Foreign ones.
        foreign: Vec<Foreign>,
    ) {
        let _ = (&self.sizes, nodes.map(|nodes| nodes.len()), ways.len(), plain.len(), foreign.len());
    }
}

/// Connectors of a few traits, each chosen by a number.
pub(super) fn grown(genes: &[u8]) -> Descriptor {
    let mut genes = genes.iter().copied();
    let mut of = |count: u8| genes.next().unwrap_or(0) % count;
    let mut field = |name: &'static str| {
        let kind = [FieldKind::String, FieldKind::Number, FieldKind::Select][usize::from(of(3))];
        let choices: [&'static [ChoiceSpec]; 3] = [&[CHOICES[0]], &[CHOICES[0], CHOICES[1]], &[CHOICES[1]]];
        let (number, text) = (kind == FieldKind::Number, kind == FieldKind::String);
        let ty = TypeSpec {
            nullable: of(2) == 1,
            secret: of(2) == 1 && text,
            integer: of(2) == 1 && number,
            // A choice in Rust has no format: one that takes any URL is for imports.
            format: [None, Some("uri"), Some("date")][usize::from(of(3))].filter(|_| kind != FieldKind::Select),
            choices: if kind == FieldKind::Select { choices[usize::from(of(3))] } else { &[] },
            ..TypeSpec::new(kind)
        };
        let bounds = [None, Some(Literal::Int(1)), Some(Literal::Float(1.5)), Some(Literal::Int(-2))];
        let defaults = if number { [None, Some(Literal::Int(1))] } else { [None, Some(Literal::Str("a"))] };
        FieldSpec {
            default: if ty.nullable { None } else { defaults[usize::from(of(2))] },
            minimum: bounds[usize::from(of(4))].filter(|_| number),
            maximum: bounds[usize::from(of(4))].filter(|_| number),
            max_length: [None, Some(8), Some(9)][usize::from(of(3))].filter(|_| text),
            pattern: [None, Some("a"), Some("b")][usize::from(of(3))].filter(|_| text),
            ..FieldSpec::new(name, "", ty)
        }
    };
    let mut all: Vec<Vec<FieldSpec>> = vec![Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for list in &mut all {
        for name in ["a", "b"] {
            list.push(field(name));
        }
    }
    for list in &mut all {
        match of(4) {
            0 => list.clear(),
            1 => list.truncate(1),
            _ => {}
        }
    }
    let lists: Vec<&'static [FieldSpec]> = all.into_iter().map(|list| &*Box::leak(list.into_boxed_slice())).collect();
    let mut commands = Vec::new();
    for (name, params) in [("list", lists[1]), ("show", lists[2])] {
        let outputs: [&'static [&'static str]; 3] = [&[], &["a"], &["a", "b"]];
        let [base, ..] = Lab::DESCRIPTOR.commands else { unreachable!("the lab has commands") };
        let spec = CommandSpec {
            name,
            description: "",
            params,
            outputs: Outputs { names: outputs[usize::from(of(3))], ..Outputs::default() },
            deprecated: [None, Some("")][usize::from(of(2))],
            since: [None, Some("1.0.0")][usize::from(of(2))],
            effect: [None, Some(Effect::Read), Some(Effect::Delete)][usize::from(of(3))],
            idempotent: of(2) == 1,
            variables: [None, Some(&lists[3][..0]), Some(lists[3])][usize::from(of(3))],
            timeout: None,
            mocks: &[],
            call: base.call,
        };
        if of(4) > 0 {
            commands.push(spec);
        }
    }
    let default_command = [None, Some("list"), Some("show")][usize::from(of(3))];
    let (connection, commands) = (lists[0], &*Box::leak(commands.into_boxed_slice()));
    Descriptor { connection, commands, default_command, order: &[], ..*Lab::DESCRIPTOR }
}

const CHOICES: [ChoiceSpec; 2] =
    [ChoiceSpec { value: "a", label: "A", description: "" }, ChoiceSpec { value: "b b", label: "B", description: "" }];
