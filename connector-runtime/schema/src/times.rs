//! How times are written: RFC 3339 in UTC with three decimals, always, so that texts of times sort as the times do and
//! every reader sees one form.

/// For `#[serde(with = "...")]` on a [`jiff::Timestamp`].
pub mod milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes a time.
    ///
    /// # Errors
    /// Errors of the serializer.
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{at:.3}"))
    }

    /// Reads a time with any number of decimals.
    ///
    /// # Errors
    /// If it is no time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}

/// For `#[serde(default, with = "...")]` on an optional [`jiff::Timestamp`].
pub mod optional_milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes a time or null.
    ///
    /// # Errors
    /// Errors of the serializer.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::milliseconds::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a time with any number of decimals, or null.
    ///
    /// # Errors
    /// If it is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times {
        #[serde(with = "super::milliseconds")]
        at: Timestamp,
        #[serde(default, with = "super::optional_milliseconds")]
        until: Option<Timestamp>,
    }

    #[test]
    fn every_time_has_three_decimals() {
        for (at, shown) in [(0, "1970-01-01T00:00:00.000Z"), (120, "1970-01-01T00:00:00.120Z")] {
            let at = Timestamp::from_millisecond(at).unwrap();
            let text = serde_json::to_string(&Times { at, until: Some(at) }).unwrap();
            assert_eq!(text, format!(r#"{{"at":"{shown}","until":"{shown}"}}"#));
            assert_eq!(serde_json::from_str::<Times>(&text).unwrap(), Times { at, until: Some(at) });
        }
        let read: Times = serde_json::from_str(r#"{"at":"2026-01-01T00:00:00.1234567Z"}"#).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"at":"2026-01-01T00:00:00.123Z","until":null}"#);
    }
}
