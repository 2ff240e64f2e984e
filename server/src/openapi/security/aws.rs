//! Schemes that stand for AWS signatures (version 4). OpenAPI has no type for them, so AWS's documents call them an API
//! key in the header `Authorization`.

use serde_json::Value;

/// Headers that a signature brings; documents list them as parameters.
pub(in crate::openapi) const SIGNING_HEADERS: [&str; 7] = [
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// Services that sign under another name than their host has.
const OTHER_NAMES: [(&str, &str); 8] = [
    ("appstream2", "appstream"),
    ("bedrock-runtime", "bedrock"),
    ("cloudhsmv2", "cloudhsm"),
    ("email", "ses"),
    ("lambda-url", "lambda"),
    ("personalize-runtime", "personalize"),
    ("queue", "sqs"),
    ("s3-control", "s3"),
];
/// Returns whether a scheme stands for AWS signatures.
pub(super) fn is_aws(root: &Value, key: &str, scheme: &Value) -> bool {
    let text = |name: &str| scheme.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let says_so = |text: &str| matches!(text, "awssigv4" | "sigv4" | "aws_sigv4" | "aws-sigv4" | "aws4-hmac-sha256");
    if says_so(&text("x-amazon-apigateway-authtype")) {
        return true;
    }
    match &*text("type") {
        "http" => says_so(&text("scheme")),
        "apikey" if text("in") == "header" && text("name") == "authorization" => {
            let key = key.to_ascii_lowercase();
            let described = text("description");
            says_so(&key)
                || described.contains("aws4-hmac-sha256")
                || described.contains("signature") && (described.contains("amazon") || described.contains("aws"))
                || key == "hmac" && is_of_amazon(root)
        }
        _ => false,
    }
}

fn is_of_amazon(root: &Value) -> bool {
    let provider = root.get("info").and_then(|info| info.get("x-providerName")).and_then(Value::as_str);
    let servers = root.get("servers").and_then(Value::as_array).into_iter().flatten();
    let mut urls = servers.filter_map(|server| server.get("url")?.as_str());
    provider == Some("amazonaws.com") || urls.any(|url| url.contains(".amazonaws.com"))
}

/// Returns the name under which a document's service signs, if the document has it.
pub(super) fn service(root: &Value) -> Option<&str> {
    let info = root.get("info").filter(|_| is_of_amazon(root))?;
    let named = ["x-aws-signingName", "x-serviceName"].into_iter().find_map(|name| info.get(name)?.as_str());
    named.map(signing_name)
}

/// Returns the name under which a service signs.
pub fn signing_name(service: &str) -> &str {
    OTHER_NAMES.iter().find(|(own, _)| *own == service).map_or(service, |(_, name)| name)
}
