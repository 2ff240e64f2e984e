//! What a check asks about connectors.

use connector_schema::{ConfigSchema, Fields};

/// The connectors of the server, as far as a check needs them.
pub trait Known {
    /// Returns a connector by its name.
    fn connector(&self, name: &str) -> Option<Connector<'_>>;

    /// Returns the names of all connectors, for suggestions; asked once a name is unknown.
    fn connector_names(&self) -> Vec<&str>;

    /// Returns the variables that a command declares; `None` if it declares none, so that it may set any.
    /// [`Connector::variables`] reads them from the connector's schema.
    fn variables(&self, connector: &str, command: &str) -> Option<&Fields>;
}

/// A connector and what it accepts and answers.
#[derive(Debug, Clone, Copy)]
pub struct Connector<'k> {
    /// What its type accepts: of a built-in the compiled schema.
    pub schema: &'k ConfigSchema,
    /// Whether the program itself executes it, so that a payload with a schema always has the schema's shape.
    pub built_in: bool,
    /// Whether it can be called now.
    pub state: State,
}

impl<'k> Connector<'k> {
    /// Returns the variables that a command declares in the schema; `None` if it does not declare them.
    pub fn variables(&self, command: &str) -> Option<&'k Fields> {
        self.schema.command(command)?.variables.as_ref()
    }
}

/// Whether a connector can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is in the way.
    Ready,
    /// An operator has switched it off.
    Disabled,
    /// Connection values are missing.
    NotReady,
}
