//! Entries, and how the values of an attribute are told: by the name of the attribute, never by what they hold.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use connector_runtime::prelude::*;
use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag};
use uuid::Uuid;

use super::attributes::Attributes;

/// Attributes whose values are bytes, in lower case; so is every one with the option `;binary`.
const BINARY: &[&str] = &[
    "attributesecurityguid",
    "audio",
    "authorityrevocationlist",
    "cacertificate",
    "certificaterevocationlist",
    "crosscertificatepair",
    "deltarevocationlist",
    "dnsproperty",
    "dnsrecord",
    "dsasignature",
    "invocationid",
    "ipsecdata",
    "jpegphoto",
    "logonhours",
    "msds-generationid",
    "msds-managedpasswordid",
    "msexcharchiveguid",
    "msexchmailboxguid",
    "ntsecuritydescriptor",
    "photo",
    "pkiexpirationperiod",
    "pkikeyusage",
    "pkioverlapperiod",
    "replpropertymetadata",
    "repluptodatevector",
    "repsfrom",
    "repsto",
    "schemaidguid",
    "thumbnaillogo",
    "thumbnailphoto",
    "usercert",
    "usercertificate",
    "userpkcs12",
    "usersmimecertificate",
];
/// Attributes that hold a GUID as Active Directory writes it.
const GUIDS: &[&str] = &["objectguid", "ms-ds-consistencyguid", "parentguid"];
/// Attributes that hold a SID.
const SIDS: &[&str] = &["objectsid", "sidhistory", "tokengroups", "securityidentifier"];

/// Attributes that hold passwords, or what passwords are made of. They are set by commands of their own, whose params are
/// secrets, and told to nobody: what a call takes and answers is recorded.
const PASSWORDS: &[&str] = &[
    "authpassword",
    "dbcspwd",
    "krbprincipalkey",
    "lmpwdhistory",
    "ms-mcs-admpwd",
    "mslaps-encryptedpassword",
    "mslaps-password",
    "ntpwdhistory",
    "pwdhistory",
    "sambalmpassword",
    "sambantpassword",
    "sambapasswordhistory",
    "supplementalcredentials",
    "unicodepwd",
    "userpassword",
];

/// How the values of an attribute are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Base64,
    /// `6f9619ff-8b86-d011-b42d-00c04fc964ff`.
    Guid,
    /// `S-1-5-21-...`.
    Sid,
    /// Not at all.
    Password,
}

/// Knows the form of each attribute of a directory.
#[derive(Debug, Default)]
pub(super) struct Forms(BTreeSet<String>);

impl Forms {
    /// Adds attributes whose values are bytes.
    pub(super) fn with_binary(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Returns the form of an attribute, by its name with or without options.
    pub(super) fn of(&self, attribute: &str) -> Form {
        let name = attribute.to_ascii_lowercase();
        let mut parts = name.split(';');
        let bare = parts.next().unwrap_or_default();
        if PASSWORDS.contains(&bare) {
            Form::Password
        } else if GUIDS.contains(&bare) {
            Form::Guid
        } else if SIDS.contains(&bare) {
            Form::Sid
        } else if self.0.contains(bare) || BINARY.contains(&bare) || parts.any(|option| option == "binary") {
            Form::Base64
        } else {
            Form::Text
        }
    }
}

impl Form {
    /// Prints a value; `None` if it does not have this form.
    fn print(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Text => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Base64 => Some(BASE64_STANDARD.encode(bytes)),
            Self::Guid => Uuid::from_slice_le(bytes).ok().map(|guid| guid.to_string()),
            Self::Sid => print_sid(bytes),
            Self::Password => None,
        }
    }

    /// Reads a value as it is printed.
    pub(super) fn read(self, text: &str) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Text => Ok(text.as_bytes().to_vec()),
            Self::Base64 => BASE64_STANDARD.decode(text).map_err(|_| "it has to be base64"),
            Self::Guid => {
                Uuid::parse_str(text).map(|guid| guid.to_bytes_le().to_vec()).map_err(|_| "it has to be a GUID")
            }
            Self::Sid => read_sid(text).ok_or("it has to be a SID, such as S-1-5-21-1-2-3-500"),
            Self::Password => {
                Err("it holds a password, which would be recorded; set it by setPassword, or by the password of create")
            }
        }
    }
}

/// Prints a SID (MS-DTYP, section 2.4.2.2): revision, count of parts, 6 bytes of authority, parts of 4 bytes.
fn print_sid(bytes: &[u8]) -> Option<String> {
    let [revision, count, authority @ ..] = bytes.get(..8)? else { return None };
    let parts = bytes.get(8..)?;
    if parts.len() != usize::from(*count) * 4 {
        return None;
    }
    let authority = authority.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    let mut text = format!("S-{revision}-{authority}");
    for part in parts.chunks_exact(4) {
        let part = part.iter().rev().fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
        text.push_str(&format!("-{part}"));
    }
    Some(text)
}

fn read_sid(text: &str) -> Option<Vec<u8>> {
    let mut numbers = text.strip_prefix("S-")?.split('-');
    let revision: u8 = numbers.next()?.parse().ok()?;
    let authority: u64 = numbers.next()?.parse().ok()?;
    let parts = numbers.map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
    let authority = authority.to_be_bytes();
    let ([0, 0], authority) = authority.split_first_chunk::<2>().map(|(high, low)| (*high, low))? else { return None };
    let mut bytes = vec![revision, u8::try_from(parts.len()).ok()?];
    bytes.extend_from_slice(authority);
    bytes.extend(parts.iter().flat_map(|part| part.to_le_bytes()));
    Some(bytes)
}

/// An entry as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawEntry {
    pub(super) dn: String,
    pub(super) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl RawEntry {
    /// Reads an entry of a search.
    pub(super) fn read(entry: ResultEntry) -> Option<Self> {
        let mut parts = constructed(entry.0)?.into_iter();
        let dn = text(parts.next()?)?;
        let mut attributes = Vec::new();
        for attribute in constructed(parts.next()?)? {
            let mut parts = constructed(attribute)?.into_iter();
            let name = text(parts.next()?)?;
            let values = constructed(parts.next()?)?.into_iter().map(primitive).collect::<Option<Vec<_>>>()?;
            attributes.push((name, values));
        }
        Some(Self { dn, attributes })
    }

    /// Returns about how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        let values = |(name, values): &(String, Vec<Vec<u8>>)| name.len() + values.iter().map(Vec::len).sum::<usize>();
        self.dn.len() + self.attributes.iter().map(values).sum::<usize>()
    }

    /// Returns the values of an attribute, without regard to the case of its name.
    pub(super) fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    /// Returns the values of an attribute as texts; bytes that are none are left out.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.values(name).iter().filter_map(|value| String::from_utf8(value.clone()).ok()).collect()
    }

    /// Returns the first value of an attribute as a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.texts(name).into_iter().next()
    }

    /// Returns whether it is of an object class.
    pub(super) fn is_a(&self, class: &str) -> bool {
        self.texts("objectClass").iter().any(|own| own.eq_ignore_ascii_case(class))
    }

    /// Shows it. An attribute with a value that does not have its form is named and not shown.
    ///
    /// # Errors
    /// Never: see [`Attributes::write`].
    pub(super) fn shown(self, forms: &Forms) -> Result<Entry, Failure> {
        let mut attributes = Vec::with_capacity(self.attributes.len());
        let mut not_shown = Vec::new();
        for (name, values) in self.attributes {
            let form = forms.of(&name);
            match values.iter().map(|value| form.print(value)).collect::<Option<Vec<_>>>() {
                Some(values) => attributes.push((name, values)),
                None => not_shown.push(name),
            }
        }
        Ok(Entry { dn: self.dn, attributes: Attributes::write(&attributes)?, not_shown })
    }
}

/// An entry of the directory.
#[payload]
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its distinguished name.
    pub dn: String,
    /// Its attributes by name, each a list of texts: also where there is one value. GUIDs and SIDs are in their usual
    /// form, other bytes are base64.
    pub attributes: Attributes,
    /// Attributes that are not shown: because they hold passwords, or because a value is no text. Name those in
    /// `binaryAttributes` of the connection.
    pub not_shown: Vec<String>,
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(primitive(tag)?).ok()
}
