//! `floh.util.date` and the `toLocaleString` of dates and numbers: what `Intl` would write, as far as it is supported.
//!
//! The engine has no `Intl` and ignores the arguments of `toLocaleString`. A date in the wrong zone or order looks right,
//! so an option, a locale or a zone that is not known here is refused. Zones come with the program, because a worker
//! cannot open files.

use std::sync::LazyLock;

use connector_runtime::schema::nearest_name;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
use rquickjs::{Array, Exception, Result, Value};

use super::bytes::{Form, Reader};
use super::numbers::number;
use super::util::Args;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const OPTIONS: [&str; 14] = [
    "weekday",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "fractionalSecondDigits",
    "hour12",
    "hourCycle",
    "timeZone",
    "timeZoneName",
    "dateStyle",
    "timeStyle",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const GERMAN_MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const GERMAN_DAYS: [&str; 7] = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"];

/// `date.format(ms, locale, options, parts)`, `date.iso(ms, timeZone)` and `date.number(number, locale, options)`.
/// `options` is a flat list of names and texts, `parts` what is written if they name nothing: date, time or any.
pub(super) fn call<'js>(reader: &Reader<'_, 'js>, what: &str, args: Args<'_, 'js>) -> Result<Value<'js>> {
    let written = match what {
        "format" => {
            let locale = locale(reader, args.get(1))?;
            let wanted = Wanted::read(reader, args.get(2))?;
            let parts = reader.text(args.get(3))?;
            wanted.or_usual(&parts).write(reader, locale, &moment(reader, args.get(0), wanted.zone.as_deref())?)?
        }
        "iso" => {
            let zone = args.get(1).map(|zone| reader.text(Some(zone))).transpose()?;
            let zoned = moment(reader, args.get(0), zone.as_deref())?;
            zoned.strftime("%Y-%m-%dT%H:%M:%S.%3f%:z").to_string()
        }
        _ => number(reader, args, is_american(reader, args.get(1))?)?,
    };
    Form::Text.write(reader.ctx, reader.what, written.into_bytes())
}

/// How dates are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locale {
    American,
    British,
    German,
    Swedish,
}

fn locale<'js>(reader: &Reader<'_, 'js>, value: Option<&Value<'js>>) -> Result<Locale> {
    let Some(value) = value else { return Ok(Locale::American) };
    let name = reader.text(Some(value))?;
    match name.as_str() {
        "en-US" | "en" => Ok(Locale::American),
        "en-GB" => Ok(Locale::British),
        "de-DE" | "de" => Ok(Locale::German),
        "sv-SE" | "sv" => Ok(Locale::Swedish),
        _ => Err(unsupported(reader, "this locale", "en-US, en-GB, de-DE and sv-SE (2026-11-26 20:05:03)")),
    }
}

fn is_american<'js>(reader: &Reader<'_, 'js>, value: Option<&Value<'js>>) -> Result<bool> {
    Ok(locale(reader, value)? == Locale::American)
}

pub(super) fn unsupported(reader: &Reader<'_, '_>, what: &str, instead: &str) -> rquickjs::Error {
    Exception::throw_range(reader.ctx, &format!("{}: {what} is not supported; there are {instead}", reader.what))
}

fn moment<'js>(reader: &Reader<'_, 'js>, value: Option<&Value<'js>>, zone: Option<&str>) -> Result<Zoned> {
    let ms = value.and_then(Value::as_number).filter(|ms| ms.is_finite());
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and jiff checks the range")]
    let at = ms.and_then(|ms| Timestamp::from_millisecond(ms as i64).ok());
    let at =
        at.ok_or_else(|| Exception::throw_range(reader.ctx, &format!("{}: the date is not valid", reader.what)))?;
    let zone = match zone {
        None | Some("UTC") => TimeZone::UTC,
        Some(name) => ZONES.get(name).map_err(|_| {
            let why = format!("{}: there is no such time zone; write one like Europe/Berlin or UTC", reader.what);
            Exception::throw_range(reader.ctx, &why)
        })?,
    };
    Ok(at.to_zoned(zone))
}

/// How a part is written: as many digits as it has, two, or by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Numeric,
    TwoDigits,
    Long,
    Short,
}

/// The parts that are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wanted {
    weekday: Option<Width>,
    year: Option<Width>,
    month: Option<Width>,
    day: Option<Width>,
    hour: Option<Width>,
    minute: Option<Width>,
    second: Option<Width>,
    fraction: usize,
    twelve: Option<bool>,
    zone: Option<String>,
    zone_name: Option<Width>,
    /// Whether a date by style is followed by "at".
    at: bool,
}

/// The maximum number of options that are read.
const MAX_OPTIONS: usize = 64;

pub(super) fn pairs<'js>(reader: &Reader<'_, 'js>, value: Option<&Value<'js>>) -> Result<Vec<(String, String)>> {
    let Some(list): Option<&Array<'js>> = value.and_then(Value::as_array) else { return Ok(Vec::new()) };
    let read = |at: usize| reader.text(Some(&list.get::<Value<'js>>(at)?));
    // One that is not known is refused, so further ones need not be read.
    (0..list.len().min(2 * MAX_OPTIONS)).step_by(2).map(|at| Ok((read(at)?, read(at + 1)?))).collect()
}

pub(super) fn no_option(reader: &Reader<'_, '_>, name: &str, known: &[&str]) -> rquickjs::Error {
    let like = nearest_name(name, known.iter().copied()).map(|like| format!("; did you mean {like}?"));
    let like = like.unwrap_or_else(|| format!("; there are {}", known.join(", ")));
    Exception::throw_range(reader.ctx, &format!("{}: an option is not supported{like}", reader.what))
}

impl Wanted {
    fn read<'js>(reader: &Reader<'_, 'js>, value: Option<&Value<'js>>) -> Result<Self> {
        let mut wanted = Self::default();
        let (mut date_style, mut time_style) = (None, None);
        for (name, value) in pairs(reader, value)? {
            let bad = |instead: &str| unsupported(reader, &format!("this value of {name}"), instead);
            let digits = || match value.as_str() {
                "numeric" => Ok(Some(Width::Numeric)),
                "2-digit" => Ok(Some(Width::TwoDigits)),
                _ => Err(bad("numeric and 2-digit")),
            };
            let named = || match value.as_str() {
                "long" => Ok(Some(Width::Long)),
                "short" => Ok(Some(Width::Short)),
                _ => Err(bad("long and short")),
            };
            match name.as_str() {
                "weekday" => wanted.weekday = named()?,
                "year" => wanted.year = digits()?,
                "month" => wanted.month = if value.starts_with(['l', 's']) { named()? } else { digits()? },
                "day" => wanted.day = digits()?,
                "hour" => wanted.hour = digits()?,
                "minute" => wanted.minute = digits()?,
                "second" => wanted.second = digits()?,
                "fractionalSecondDigits" => {
                    wanted.fraction =
                        value.parse().ok().filter(|n| (1..=3).contains(n)).ok_or_else(|| bad("1, 2 and 3"))?;
                }
                "hour12" => wanted.twelve = Some(value.parse().map_err(|_| bad("true and false"))?),
                "hourCycle" => match value.as_str() {
                    "h12" => wanted.twelve = wanted.twelve.or(Some(true)),
                    "h23" => wanted.twelve = wanted.twelve.or(Some(false)),
                    _ => return Err(bad("h12 and h23")),
                },
                "timeZone" => wanted.zone = Some(value),
                "timeZoneName" => match value.as_str() {
                    "short" => wanted.zone_name = Some(Width::Short),
                    "longOffset" => wanted.zone_name = Some(Width::Long),
                    _ => return Err(bad("short and longOffset")),
                },
                "dateStyle" | "timeStyle" => {
                    let style = ["full", "long", "medium", "short"].into_iter().find(|style| *style == value);
                    let style = style.ok_or_else(|| bad("full, long, medium and short"))?;
                    if name == "dateStyle" { date_style = Some(style) } else { time_style = Some(style) }
                }
                _ => return Err(no_option(reader, &name, &OPTIONS)),
            }
        }
        if date_style.is_some() || time_style.is_some() {
            if wanted.has_date() || wanted.has_time() {
                return Err(reader.wrong("a style and single parts exclude each other; give one of them"));
            }
            wanted.style(date_style, time_style);
        }
        Ok(wanted)
    }

    fn style(&mut self, date: Option<&str>, time: Option<&str>) {
        if let Some(style) = date {
            self.at = matches!(style, "full" | "long");
            self.weekday = (style == "full").then_some(Width::Long);
            self.year = Some(if style == "short" { Width::TwoDigits } else { Width::Numeric });
            self.day = Some(Width::Numeric);
            self.month = Some(match style {
                "full" | "long" => Width::Long,
                "medium" => Width::Short,
                _ => Width::Numeric,
            });
        }
        if let Some(style) = time {
            (self.hour, self.minute) = (Some(Width::Numeric), Some(Width::TwoDigits));
            self.second = (style != "short").then_some(Width::TwoDigits);
            self.zone_name = match style {
                "full" | "long" => self.zone_name.or(Some(Width::Short)),
                _ => self.zone_name,
            };
        }
    }

    const fn has_date(&self) -> bool {
        self.weekday.is_some() || self.year.is_some() || self.month.is_some() || self.day.is_some()
    }

    const fn has_time(&self) -> bool {
        self.hour.is_some() || self.minute.is_some() || self.second.is_some() || self.fraction > 0
    }

    /// Adds the usual parts if none is named.
    fn or_usual(&self, parts: &str) -> Self {
        let mut wanted = self.clone();
        let (date, time) = match parts {
            "date" => (!self.has_date(), false),
            "time" => (false, !self.has_time()),
            _ => (!self.has_date() && !self.has_time(), !self.has_date() && !self.has_time()),
        };
        if date {
            let numeric = Some(Width::Numeric);
            (wanted.year, wanted.month, wanted.day) = (numeric, numeric, numeric);
        }
        if time {
            (wanted.hour, wanted.minute, wanted.second) =
                (Some(Width::Numeric), Some(Width::TwoDigits), Some(Width::TwoDigits));
        }
        wanted
    }

    fn write(&self, reader: &Reader<'_, '_>, locale: Locale, at: &Zoned) -> Result<String> {
        let date = self.date(reader, locale, at)?;
        let time = self.time(locale, at);
        let between = match locale {
            Locale::Swedish => " ",
            Locale::American | Locale::British if self.at => " at ",
            Locale::German if self.at => " um ",
            _ => ", ",
        };
        let mut out = match (date.is_empty(), time.is_empty()) {
            (false, false) => format!("{date}{between}{time}"),
            _ => date + &time,
        };
        if let Some(width) = self.zone_name {
            let offset = at.time_zone().to_offset_info(at.timestamp());
            let name = offset.abbreviation();
            let named = width == Width::Short && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            out.push(' ');
            out.push_str(&if named { name.to_owned() } else { at.strftime("GMT%:z").to_string() });
        }
        Ok(out)
    }

    fn date(&self, reader: &Reader<'_, '_>, locale: Locale, at: &Zoned) -> Result<String> {
        let is_german = locale == Locale::German;
        let padded = |width: Width, value: i8, always: bool| {
            if always || width == Width::TwoDigits { format!("{value:02}") } else { value.to_string() }
        };
        let year = self.year.map(|width| match width {
            Width::TwoDigits => format!("{:02}", at.year().rem_euclid(100)),
            _ => at.year().to_string(),
        });
        let weekday = self.weekday.map(|width| {
            let day = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or(0);
            let name = if is_german { GERMAN_DAYS[day] } else { DAYS[day] };
            shortened(name, width, if is_german { 2 } else { 3 })
        });
        let month_name = self.month.filter(|width| matches!(width, Width::Long | Width::Short)).map(|width| {
            let month = usize::try_from(at.month() - 1).unwrap_or(0);
            let name = if is_german { GERMAN_MONTHS[month] } else { MONTHS[month] };
            shortened(name, width, 3)
        });
        if locale == Locale::Swedish && (month_name.is_some() || weekday.is_some()) {
            return Err(unsupported(reader, "the name of a month or day in sv-SE", "numeric and 2-digit"));
        }
        let always = matches!(locale, Locale::British | Locale::Swedish);
        let day = self.day.map(|width| padded(width, at.day(), always && month_name.is_none()));
        let is_list = self.month.is_some() || self.year.is_some() || self.day.is_some();
        let body = match (&month_name, locale) {
            (Some(month), Locale::American) => {
                let month_day = joined([Some(month.clone()), day], " ");
                match (&self.day, year) {
                    (Some(_), Some(year)) => format!("{month_day}, {year}"),
                    (_, year) => joined([Some(month_day), year], " "),
                }
            }
            (Some(month), Locale::German) => joined([day.map(|day| day + "."), Some(month.clone()), year], " "),
            (Some(month), _) => joined([day, Some(month.clone()), year], " "),
            (None, _) => {
                let month = self.month.map(|width| padded(width, at.month(), always));
                match locale {
                    Locale::American => joined([month, day, year], "/"),
                    Locale::British => joined([day, month, year], "/"),
                    Locale::German => joined([day, month, year], "."),
                    Locale::Swedish => joined([year, month, day], "-"),
                }
            }
        };
        Ok(match weekday {
            Some(weekday) if !is_list => weekday,
            Some(weekday) if locale == Locale::British && self.weekday == Some(Width::Long) => {
                format!("{weekday} {body}")
            }
            Some(weekday) => format!("{weekday}, {body}"),
            None => body,
        })
    }

    fn time(&self, locale: Locale, at: &Zoned) -> String {
        let twelve = self.twelve.unwrap_or(locale == Locale::American);
        let hour = self.hour.map(|width| {
            let hour = if twelve { (at.hour() + 11) % 12 + 1 } else { at.hour() };
            if width == Width::TwoDigits || !twelve { format!("{hour:02}") } else { hour.to_string() }
        });
        let alone = self.hour.is_none();
        let minute = self.minute.map(|_| {
            if alone && self.second.is_none() { at.minute().to_string() } else { format!("{:02}", at.minute()) }
        });
        let second = self.second.map(|_| {
            if alone && self.minute.is_none() { at.second().to_string() } else { format!("{:02}", at.second()) }
        });
        let mut out = joined([hour, minute, second], ":");
        if self.fraction > 0 {
            let digits = format!("{:03}", at.millisecond());
            let point = if out.is_empty() { "" } else { "." };
            out.push_str(&format!("{point}{}", &digits[..self.fraction]));
        }
        if self.hour.is_some() && twelve {
            out.push_str(if at.hour() < 12 { " AM" } else { " PM" });
        }
        out
    }
}

fn shortened(name: &str, width: Width, letters: usize) -> String {
    if width == Width::Long { name.to_owned() } else { name.chars().take(letters).collect() }
}

fn joined<const N: usize>(parts: [Option<String>; N], between: &str) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(between)
}
