//! The OpenAPI document of all routes. Rules complete what a handler says, so that a new route gets the common parts
//! without extra text: what the guard requires, which answers may come before the handler runs, what lists accept, and
//! what bodies refuse.

use floh_client::answers::{Mistake, PartState, Problem, ReadinessPart, ReadyPart};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, Paths};
use utoipa::openapi::schema::{AdditionalProperties, Object, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Required};
use utoipa_axum::router::OpenApiRouter;

use super::page::MAX_QUERY_LENGTH;
use super::responses::describe_responses;
use super::routes::declared;
use super::{Access, request_id};
use crate::app::App;
use crate::store::PageRequest;

/// Builds the OpenAPI document of all routes.
pub fn document() -> OpenApi {
    let mut router = OpenApiRouter::<App>::with_openapi(base_document());
    for (access, (schemas, mut paths, handlers)) in declared() {
        describe(access, &mut paths);
        router = router.routes((schemas, paths, handlers));
    }
    router.into_openapi()
}

fn base_document() -> OpenApi {
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of `POST /api/tokens`")).build();
    let components = ComponentsBuilder::new().schema_from::<Problem>().schema_from::<Mistake>();
    let components = components.schema_from::<ReadinessPart>().schema_from::<ReadyPart>().schema_from::<PartState>();
    let components = components.security_scheme("bearer", SecurityScheme::Http(bearer));
    let info = InfoBuilder::new()
        .title("Floh")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Connectors: make them, execute their commands, read what happened."))
        .build();
    OpenApiBuilder::new().info(info).components(Some(components.build())).build()
}

fn describe(access: Access, paths: &mut Paths) {
    for (path, item) in &mut paths.paths {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
            name(operation);
            describe_access(access, operation);
            describe_parameters(operation);
            describe_body(operation);
            describe_responses(access, path, operation);
            request_id::describe(operation);
        }
    }
}

/// Makes the id of an operation unique in the document, as OpenAPI demands: its tag before the name of its handler,
/// `connector_types_read`. Generated clients take it as the name of a method.
fn name(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().map_or("", String::as_str).replace([' ', '-'], "_");
    operation.operation_id = operation.operation_id.take().map(|handler| format!("{tag}_{handler}"));
}

/// Adds what the guard requires.
fn describe_access(access: Access, operation: &mut Operation) {
    let requirement = SecurityRequirement::new("bearer", Vec::<String>::new());
    if access == Access::Public {
        operation.security = Some(Vec::new());
        return;
    }
    let security = operation.security.insert(vec![requirement]);
    if matches!(access, Access::NeedsInBand(_)) {
        security.push(SecurityRequirement::default());
    }
    let described = operation.description.take().filter(|text| !text.is_empty());
    let scope = format!("Needs: {access}.");
    operation.description = Some(described.map_or_else(|| scope.clone(), |text| format!("{text}\n\n{scope}")));
}

/// Adds the maximum length of texts in a query and the range of `limit`, and makes optional parameters non-null,
/// because a query or a header has no null.
fn describe_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(Parameter { name, parameter_in, schema: Some(schema), .. }) = parameter else { continue };
        if let RefOr::T(Schema::OneOf(choice)) = schema
            && let Some(only) = choice.items.iter().find(|item| !is_null(item))
        {
            *schema = only.clone();
        }
        let RefOr::T(Schema::Object(schema)) = schema else { continue };
        if let SchemaType::Array(types) = &schema.schema_type
            && let [one, Type::Null] | [Type::Null, one] = types.as_slice()
        {
            schema.schema_type = SchemaType::Type(one.clone());
        }
        match (&parameter_in, name.as_str()) {
            (ParameterIn::Query, "limit") => {
                schema.minimum = Some(1_usize.into());
                schema.maximum = Some((PageRequest::MAX as usize).into());
                schema.default = Some(PageRequest::DEFAULT.into());
            }
            (ParameterIn::Query, _) if schema.schema_type == SchemaType::Type(Type::String) => {
                schema.max_length = Some(MAX_QUERY_LENGTH);
            }
            _ => {}
        }
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(Object { schema_type: SchemaType::Type(Type::Null), .. })))
}

/// States that a body without required keys may be omitted, because an empty body counts as `{}`, and that unknown keys
/// are refused.
fn describe_body(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    body.required = Some(Required::False);
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        let Some(RefOr::T(Schema::Object(schema))) = &mut content.schema else { continue };
        if !schema.required.is_empty() {
            body.required = Some(Required::True);
        }
        if !schema.properties.is_empty() {
            let closed = AdditionalProperties::FreeForm(false);
            schema.additional_properties.get_or_insert_with(|| Box::new(closed));
        }
    }
}
