//! URLs as the WHATWG reads and writes them, for the classes `URL` and `URLSearchParams` of the prelude.
//!
//! The classes are JavaScript; what a URL means is decided here, by the same reader that egress has.

use rquickjs::{Array, Error, Result, Value};
use url::{Url, form_urlencoded, quirks};

use super::bytes::{Form, Reader, texts};
use super::util::Args;

/// The maximum number of pairs of a query that are read.
const MAX_PAIRS: usize = 10_000;

/// `url.parse(text, base?)` and `url.set(href, part, value)` answer the parts of a URL, or null if there is none;
/// `url.pairs(text)` and `url.query(pairs)` read and write queries.
pub(super) fn call<'js>(reader: &Reader<'_, 'js>, what: &str, args: Args<'_, 'js>) -> Result<Value<'js>> {
    let ctx = reader.ctx;
    let parsed = match what {
        "parse" => {
            let base = args.get(1).map(|base| reader.text(Some(base))).transpose()?;
            let base = base.map(|base| Url::parse(&base)).transpose();
            let text = reader.text(args.get(0))?;
            base.and_then(|base| Url::options().base_url(base.as_ref()).parse(&text)).ok()
        }
        "set" => match Url::parse(&reader.text(args.get(0))?) {
            Ok(mut url) => {
                set(&mut url, &reader.text(args.get(1))?, &reader.text(args.get(2))?)?;
                Some(url)
            }
            Err(_) => None,
        },
        "pairs" => {
            let text = reader.text(args.get(0))?;
            let pairs = form_urlencoded::parse(text.as_bytes()).take(MAX_PAIRS + 1).collect::<Vec<_>>();
            if pairs.len() > MAX_PAIRS {
                return Err(reader.wrong(&format!("a query has at most {MAX_PAIRS} pairs")));
            }
            return texts(ctx, pairs.iter().flat_map(|(name, value)| [name, value]));
        }
        "query" => {
            let pairs: Array<'js> = args.get(0).and_then(Value::as_array).cloned().ok_or(Error::Unknown)?;
            let mut out = form_urlencoded::Serializer::new(String::new());
            if pairs.len() > 2 * MAX_PAIRS {
                return Err(reader.wrong(&format!("a query has at most {MAX_PAIRS} pairs")));
            }
            for at in (0..pairs.len()).step_by(2) {
                let read = |at| reader.text(Some(&pairs.get::<Value<'js>>(at)?));
                out.append_pair(&read(at)?, &read(at + 1)?);
            }
            return Form::Text.write(ctx, reader.what, out.finish().into_bytes());
        }
        _ => return Err(Error::Unknown),
    };
    let Some(url) = parsed else { return Ok(Value::new_null(ctx.clone())) };
    let origin = quirks::origin(&url);
    texts(
        ctx,
        [
            quirks::href(&url),
            &origin,
            quirks::protocol(&url),
            quirks::username(&url),
            quirks::password(&url),
            quirks::host(&url),
            quirks::hostname(&url),
            quirks::port(&url),
            quirks::pathname(&url),
            quirks::search(&url),
            quirks::hash(&url),
        ],
    )
}

/// Sets a part. As on the web, a value that does not fit changes nothing.
fn set(url: &mut Url, part: &str, value: &str) -> Result<()> {
    match part {
        "protocol" => drop(quirks::set_protocol(url, value)),
        "username" => drop(quirks::set_username(url, value)),
        "password" => drop(quirks::set_password(url, value)),
        "host" => drop(quirks::set_host(url, value)),
        "hostname" => drop(quirks::set_hostname(url, value)),
        "port" => drop(quirks::set_port(url, value)),
        "pathname" => quirks::set_pathname(url, value),
        "search" => quirks::set_search(url, value),
        "hash" => quirks::set_hash(url, value),
        _ => return Err(Error::Unknown),
    }
    Ok(())
}
