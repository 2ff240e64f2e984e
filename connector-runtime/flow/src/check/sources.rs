//! What the bag holds before each step: who gives a root, of which shape, and whether it is certain.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use connector_schema::{Command, Field, Fields};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::Inputs;
use super::facts::Facts;
use super::known::{Connector, Known};
use crate::definition::{Flow, MAX_STEPS, Step};
use crate::reference::Path;
use crate::shape::{ObjectShape, Property, Rest, Shape, Trust};

/// The steps of a flow with what is known of their connectors, and the roots that they give.
pub(super) struct Sources<'a> {
    pub(super) steps: Vec<StepView<'a>>,
    positions: HashMap<&'a str, usize>,
    roots: IndexMap<&'a str, Vec<Writer<'a>>>,
    /// The shapes of output schemas, by the place of the schema in memory.
    schemas: HashMap<*const Value, Rc<OnceCell<Shape>>>,
    /// The last step that reads each root.
    last_reads: HashMap<&'a str, usize>,
    /// The last step that calls a command.
    pub(super) last_call: Option<usize>,
    /// The shape of `steps`, of all of them.
    step_results: OnceCell<Shape>,
}

/// One step and its command.
#[derive(Debug)]
pub(super) struct StepView<'a> {
    pub(super) step: &'a Step,
    pub(super) connector: Option<Connector<'a>>,
    pub(super) command: Option<&'a Command>,
    /// Whether it may set variables that nobody declares.
    sets_anything: bool,
    /// The steps that have succeeded once this one has: itself, and those that its condition asks for.
    implied: u128,
    /// Whether it always runs, and has succeeded whenever a later step runs.
    is_certain: bool,
}

/// One giver of a root.
struct Writer<'a> {
    /// The step; `None` for the inputs.
    step: Option<usize>,
    source: Source<'a>,
    trust: Trust,
    /// Whether the root is always there once its giver has succeeded.
    is_always_set: bool,
    /// Made when it is first read; writers of one schema share it.
    shape: Rc<OnceCell<Shape>>,
}

enum Source<'a> {
    Value(&'a Value),
    Input(&'a Field),
    Variable(&'a Field),
    Schema(&'a Value),
    Names(&'a [String]),
    Unknown,
}

/// What is known of a root before a step.
pub(super) struct Root<'s> {
    pub(super) shapes: Vec<&'s Shape>,
    pub(super) trust: Trust,
    pub(super) presence: RootPresence,
    pub(super) from: String,
}

/// Whether a root is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RootPresence {
    /// In any case.
    Certain,
    /// A step that perhaps did not succeed gives it; its id.
    Possible(String),
    /// An optional input.
    OptionalInput,
    /// A variable that its command declares and does not always set; the step's id.
    OptionalVariable(String),
}

impl<'a> Sources<'a> {
    pub(super) fn of(flow: &'a Flow, inputs: &Inputs<'a>, known: &'a dyn Known) -> Self {
        let mut sources = Self {
            steps: Vec::with_capacity(flow.steps.len()),
            positions: flow.steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index)).collect(),
            roots: IndexMap::new(),
            schemas: HashMap::new(),
            last_reads: HashMap::new(),
            last_call: flow.steps.iter().rposition(|step| step.call().is_some()),
            step_results: OnceCell::new(),
        };
        match *inputs {
            Inputs::Declared(fields) => {
                for (name, field) in fields {
                    let is_always_set = Shape::of_input(field).is_certain;
                    sources.add(name, Writer::new(None, Source::Input(field), Trust::Sure, is_always_set));
                }
            }
            Inputs::Given(values) => {
                for (name, value) in values {
                    sources.add(name, Writer::new(None, Source::Value(value), Trust::Sure, true));
                }
            }
        }
        for (index, step) in flow.steps.iter().enumerate().take(MAX_STEPS) {
            sources.add_step(index, step, known);
        }
        sources
    }

    fn add(&mut self, name: &'a str, mut writer: Writer<'a>) {
        if let Source::Schema(schema) = writer.source {
            writer.shape = Rc::clone(self.schemas.entry(std::ptr::from_ref(schema)).or_default());
        }
        self.roots.entry(name).or_default().push(writer);
    }

    fn add_step(&mut self, index: usize, step: &'a Step, known: &'a dyn Known) {
        step.visit(&mut |_, reference, _| {
            self.last_reads.insert(&reference.path.root, index);
        });
        let call = step.call();
        let connector = call.and_then(|call| known.connector(&call.connector));
        let name = call
            .zip(connector)
            .and_then(|(call, connector)| call.command.as_deref().or(connector.schema.default_command.as_deref()));
        let command = name.zip(connector).and_then(|(name, connector)| connector.schema.command(name));
        let variables: Option<&'a Fields> = match (call, name, command) {
            (Some(call), Some(name), Some(_)) => known.variables(&call.connector, name),
            _ => None,
        };
        let implied = match &step.when {
            Some(when) => self.facts_of(when, true, index).succeeded,
            None => 0,
        };
        let is_certain = step.when.is_none() && !call.is_some_and(|call| call.continues_on_error());
        self.steps.push(StepView {
            step,
            connector,
            command,
            sets_anything: call.is_some() && variables.is_none(),
            implied: implied | 1 << index,
            is_certain,
        });
        let built_in = connector.is_some_and(|connector| connector.built_in);
        let trust = if built_in { Trust::Sure } else { Trust::Declared };
        for (name, field) in variables.into_iter().flatten() {
            let is_always_set = field.required || field.default.is_some();
            self.add(name, Writer::new(Some(index), Source::Variable(field), trust, is_always_set));
        }
        if let Some(key) = call.and_then(|call| call.output_key.as_deref()) {
            let (source, trust) = match command {
                Some(Command { output_schema: Some(schema), .. }) => (Source::Schema(schema), trust),
                Some(command) if !command.outputs.is_empty() => (Source::Names(&command.outputs), Trust::Declared),
                _ => (Source::Unknown, Trust::Unknown),
            };
            self.add(key, Writer::new(Some(index), source, trust, true));
        }
    }

    /// Returns the position of a step.
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// Returns the steps that have succeeded once this one has.
    pub(super) fn implied(&self, position: usize) -> u128 {
        self.steps.get(position).map_or(0, |step| step.implied)
    }

    pub(super) fn id(&self, position: usize) -> &'a str {
        &self.steps[position].step.id
    }

    /// Returns the roots that a step can read, in the order in which they are given.
    pub(super) fn roots_before(&self, index: usize) -> impl Iterator<Item = &'a str> {
        let is_given = move |writer: &Writer<'_>| writer.step.is_none_or(|step| step < index);
        self.roots.iter().filter(move |(_, writers)| writers.iter().any(is_given)).map(|(name, _)| *name)
    }

    /// Returns whether a root is given before a step.
    pub(super) fn is_given_before(&self, root: &str, index: usize) -> bool {
        self.roots
            .get(root)
            .is_some_and(|writers| writers.iter().any(|writer| writer.step.is_none_or(|step| step < index)))
    }

    /// Returns whether a step after this one reads a root.
    pub(super) fn is_read_after(&self, root: &str, index: usize) -> bool {
        self.last_reads.get(root).is_some_and(|last| *last > index)
    }

    /// Returns the first step from this one on that gives a root.
    pub(super) fn given_later(&self, root: &str, index: usize) -> Option<usize> {
        self.roots.get(root)?.iter().filter_map(|writer| writer.step).find(|step| *step >= index)
    }

    /// Returns the ids of the earlier steps that may set any variable.
    pub(super) fn undeclared_before(&self, index: usize) -> Vec<&'a str> {
        self.steps[..index].iter().filter(|step| step.sets_anything).map(|step| step.step.id.as_str()).collect()
    }

    /// Returns what is known of a root before a step; `None` if nothing gives it.
    ///
    /// Later givers come first: the last one that certainly ran hides what was there before.
    pub(super) fn root(&self, path: &Path, index: usize, facts: &Facts<'_>) -> Option<Root<'_>> {
        match path.root.as_str() {
            "run" => return Some(Root::reserved(&RUN, "run")),
            "steps" => return Some(Root::reserved(self.step_results(), "steps")),
            _ => {}
        }
        let mut root: Option<Root<'_>> = None;
        let writers = self.roots.get(path.root.as_str())?.iter().rev();
        for writer in writers.filter(|writer| writer.step.is_none_or(|step| step < index)) {
            let succeeded =
                writer.step.is_none_or(|step| self.steps[step].is_certain || facts.succeeded & (1 << step) != 0);
            let from = writer.step.map_or("inputs", |step| self.id(step));
            let presence = match writer.step {
                _ if succeeded && writer.is_always_set => RootPresence::Certain,
                None => RootPresence::OptionalInput,
                Some(_) if succeeded => RootPresence::OptionalVariable(from.to_owned()),
                Some(_) => RootPresence::Possible(from.to_owned()),
            };
            let is_last = presence == RootPresence::Certain;
            match &mut root {
                None => {
                    let shapes = writer.shape().members().iter().collect();
                    root = Some(Root { shapes, trust: writer.trust, presence, from: from.to_owned() });
                }
                Some(root) => {
                    root.shapes.extend(writer.shape().members());
                    root.trust = root.trust.min(writer.trust);
                    root.from = format!("{} or {from}", root.from);
                    if !matches!(presence, RootPresence::OptionalVariable(_)) {
                        root.presence = presence;
                    }
                }
            }
            if is_last {
                break;
            }
        }
        if let Some(root) = &mut root
            && facts.proves(path, 0)
        {
            root.presence = RootPresence::Certain;
        }
        root
    }

    fn step_results(&self) -> &Shape {
        self.step_results.get_or_init(|| {
            let result = Shape::of_schema(&json!({
                "type": "object",
                "properties": { "success": { "type": "boolean" }, "error": { "type": "string" } },
                "required": ["success"],
            }));
            let property = |id: &&str| ((*id).to_owned(), Property { shape: result.clone(), required: true });
            let ids: Vec<&str> = self.steps.iter().map(|step| step.step.id.as_str()).collect();
            Shape::Object(ObjectShape { properties: ids.iter().map(property).collect(), rest: Rest::Closed })
        })
    }
}

/// What every run knows of itself.
static RUN: LazyLock<Shape> = LazyLock::new(|| {
    Shape::of_schema(&json!({
        "type": "object",
        "properties": { "id": { "type": "string", "format": "uuid" }, "startedAt": { "type": "string", "format": "date-time" } },
        "required": ["id", "startedAt"],
    }))
});

impl<'s> Root<'s> {
    fn reserved(shape: &'s Shape, from: &str) -> Self {
        Self { shapes: vec![shape], trust: Trust::Sure, presence: RootPresence::Certain, from: from.to_owned() }
    }
}

impl<'a> Writer<'a> {
    fn new(step: Option<usize>, source: Source<'a>, trust: Trust, is_always_set: bool) -> Self {
        Self { step, source, trust, is_always_set, shape: Rc::default() }
    }

    /// Returns the shape, which is made when it is first read.
    fn shape(&self) -> &Shape {
        self.shape.get_or_init(|| match self.source {
            Source::Value(value) => Shape::of_value(value),
            Source::Input(field) => Shape::of_input(field).shape,
            Source::Variable(field) if field.required => Shape::of_field(field),
            Source::Variable(field) => Shape::union([Shape::of_field(field), Shape::Null]),
            Source::Schema(schema) => Shape::of_schema(schema),
            Source::Names(names) => {
                let property = |name: &String| (name.clone(), Property { shape: Shape::Any, required: true });
                Shape::Object(ObjectShape { properties: names.iter().map(property).collect(), rest: Rest::Unsaid })
            }
            Source::Unknown => Shape::Any,
        })
    }
}
