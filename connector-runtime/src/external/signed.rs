//! Signs requests to services.

use std::time::SystemTime;

use url::Url;
use uuid::Uuid;

use crate::Secret;
use crate::protocol::{self, SignedRequest};

/// Returns the signature of a request that is sent now, with a nonce of its own: the value of
/// [`protocol::SIGNATURE_HEADER`].
pub fn signature(secret: &Secret, url: &Url, body: &[u8]) -> String {
    let nonce = Uuid::now_v7().simple().to_string();
    protocol::sign(secret, SignedRequest { path: url.path(), body }, &nonce, SystemTime::now())
}
