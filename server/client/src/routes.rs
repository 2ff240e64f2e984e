//! The routes of the REST API, as the client calls them. A test of the server compares this table with its own.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that a key in a path may contain unescaped (RFC 3986, unreserved).
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A route: its method, and its path with parameters in braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
}

macro_rules! routes {
    ($($name:ident = $method:ident $path:literal;)*) => {
        $(
            #[doc = concat!("`", stringify!($method), " ", $path, "`")]
            pub const $name: Route = Route { method: stringify!($method), path: $path };
        )*

        /// Every route that the client calls.
        pub const ALL: &[Route] = &[$($name),*];
    };
}

routes! {
    CREATE_CONNECTOR = POST "/api/connectors";
    LIST_CONNECTORS = GET "/api/connectors";
    PARSE_OAS = POST "/api/connectors/parse-oas";
    LIST_AGENTS = GET "/api/connectors/agents";
    GET_CONNECTOR = GET "/api/connectors/{id}";
    UPDATE_CONNECTOR = PUT "/api/connectors/{id}";
    DELETE_CONNECTOR = DELETE "/api/connectors/{id}";
    EXECUTE = POST "/api/connectors/{id}/execute";
    TEST = POST "/api/connectors/{id}/test";
    LIST_TYPES = GET "/api/connector-types";
    GET_TYPE = GET "/api/connector-types/{id}";
    UPDATE_TYPE = PUT "/api/connector-types/{id}";
    DELETE_TYPE = DELETE "/api/connector-types/{id}";
    DIFF_TYPE = POST "/api/connector-types/{id}/diff";
    REFRESH_TYPE = POST "/api/connector-types/{id}/refresh";
    LIST_VERSIONS = GET "/api/connector-types/{id}/versions";
    GET_VERSION = GET "/api/connector-types/{id}/versions/{version}";
    CAPABILITIES = GET "/api/connector-types/{id}/capabilities";
    JSON_SCHEMA = GET "/api/connector-types/{id}/json-schema";
    DECLARATIONS = GET "/api/connector-types/{id}/types.d.ts";
    LIST_EXECUTIONS = GET "/api/executions";
    GET_EXECUTION = GET "/api/executions/{id}";
    DELETE_EXECUTION = DELETE "/api/executions/{id}";
    START_RUN = POST "/api/runs";
    LIST_RUNS = GET "/api/runs";
    CHECK_RUN = POST "/api/runs/check";
    GET_RUN = GET "/api/runs/{id}";
    CANCEL_RUN = POST "/api/runs/{id}/cancel";
    RESUME_RUN = POST "/api/runs/{id}/resume";
    CREATE_RUN_DEFINITION = POST "/api/run-definitions";
    LIST_RUN_DEFINITIONS = GET "/api/run-definitions";
    GET_RUN_DEFINITION = GET "/api/run-definitions/{name}";
    UPDATE_RUN_DEFINITION = PUT "/api/run-definitions/{name}";
    DELETE_RUN_DEFINITION = DELETE "/api/run-definitions/{name}";
    LIST_RUN_DEFINITION_VERSIONS = GET "/api/run-definitions/{name}/versions";
    GET_RUN_DEFINITION_VERSION = GET "/api/run-definitions/{name}/versions/{n}";
    LIST_AUDIT = GET "/api/audit";
    STATUS = GET "/api/status";
    CREATE_TOKEN = POST "/api/tokens";
    LIST_TOKENS = GET "/api/tokens";
    REVOKE_TOKEN = DELETE "/api/tokens/{id}";
    METRICS = GET "/metrics";
    OPENAPI = GET "/api/openapi.json";
    HEALTHZ = GET "/healthz";
    READYZ = GET "/readyz";
}

impl Route {
    /// Writes the path with its parameters filled in, each as one segment.
    ///
    /// # Errors
    /// The reason why a key cannot be a segment: it would lead to another route.
    pub(crate) fn fill(&self, keys: &[&str]) -> Result<String, String> {
        let mut keys = keys.iter();
        let mut path = String::new();
        for segment in self.path.split('/').skip(1) {
            path.push('/');
            if !segment.starts_with('{') {
                path.push_str(segment);
                continue;
            }
            let key = keys.next().copied().unwrap_or_default();
            if matches!(key, "" | "." | "..") {
                return Err(format!("{key:?} is neither a name nor an id"));
            }
            path.extend(utf8_percent_encode(key, KEPT));
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_one_segment() {
        assert_eq!(GET_CONNECTOR.fill(&["crm-1"]).unwrap(), "/api/connectors/crm-1");
        assert_eq!(GET_CONNECTOR.fill(&["a/../b?c#d e"]).unwrap(), "/api/connectors/a%2F..%2Fb%3Fc%23d%20e");
        assert_eq!(GET_VERSION.fill(&["x", "1.0.0+1"]).unwrap(), "/api/connector-types/x/versions/1.0.0%2B1");
        assert_eq!(HEALTHZ.fill(&[]).unwrap(), "/healthz");
    }

    #[test]
    fn a_key_that_would_lead_elsewhere_is_refused() {
        for key in ["", ".", ".."] {
            assert!(DELETE_CONNECTOR.fill(&[key]).is_err(), "{key:?}");
        }
        assert!(DELETE_CONNECTOR.fill(&[]).is_err());
    }
}
