//! What the host of an AWS service says of its region and of the name under which it signs.

use crate::openapi::signing_name;

/// Where services without a region in their host sign.
const GLOBAL: &str = "us-east-1";
const GLOBAL_IN_CHINA: &str = "cn-north-1";

/// Returns the service and the region that a host names.
pub(in crate::operations) fn of_host(host: &str) -> Option<(&str, &str)> {
    let host = host.trim_end_matches('.');
    let suffixes =
        [(".amazonaws.com.cn", GLOBAL_IN_CHINA), (".amazonaws.com", GLOBAL), (".api.aws", GLOBAL), (".on.aws", GLOBAL)];
    let (name, global) = suffixes.iter().find_map(|(suffix, global)| Some((host.strip_suffix(suffix)?, *global)))?;
    let labels: Vec<&str> = name.split('.').filter(|label| !matches!(*label, "dualstack" | "vpce")).collect();
    let (service, region) = match labels.as_slice() {
        [.., service, region] if is_region(region) => (*service, *region),
        [.., region, service] if is_region(region) => (*service, *region),
        [.., service] if !is_region(service) => (*service, global),
        _ => return None,
    };
    Some((signing_name(service), region))
}

/// Whether a label looks like `eu-central-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let [area, .., number] = parts.as_slice() else { return false };
    parts.len() >= 3
        && area.len() == 2
        && area.bytes().all(|byte| byte.is_ascii_lowercase())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
