//! Charts, drawn by the server: each hour is a bar, failures stand in it in their own colour.

use maud::{Markup, html};

use crate::execute::Sparkline;
use crate::store::HourSums;

/// The calls of one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ui) struct Bar {
    /// How many calls ended.
    pub(in crate::ui) calls: u64,
    /// How many of them failed.
    pub(in crate::ui) failed: u64,
    /// The time within which 95 of 100 calls ended, in milliseconds, if it is known.
    pub(in crate::ui) p95_ms: Option<u64>,
}

impl Bar {
    /// Takes what the calls of an hour came to.
    pub(in crate::ui) fn of(sums: &HourSums) -> Self {
        Self { calls: sums.calls, failed: sums.failed, p95_ms: sums.percentile(95) }
    }
}

/// Says what a chart shows.
fn sentence(bars: &[Bar]) -> String {
    let calls: u64 = bars.iter().map(|bar| bar.calls).sum();
    let failed: u64 = bars.iter().map(|bar| bar.failed).sum();
    let calls_word = if calls == 1 { "call" } else { "calls" };
    format!("{calls} {calls_word} in {} hours, {failed} failed", bars.len())
}

/// A small chart for a row of a table. Two paths, because a page has hundreds of them.
pub(in crate::ui) fn sparkline(line: &Sparkline) -> Markup {
    let hours = line.calls.iter().zip(line.failed);
    let bars: Vec<Bar> = hours.map(|(calls, failed)| Bar { calls: *calls, failed, p95_ms: None }).collect();
    let most = bars.iter().map(|bar| bar.calls).max().unwrap_or(0);
    if most == 0 {
        return html! { span.muted { "none" } };
    }
    let (mut good, mut bad) = (String::new(), String::new());
    for (number, bar) in bars.iter().enumerate() {
        let x = number as u64 * 366;
        let (x, y) = (format!("{}.{:02}", x / 100, x % 100), |calls: u64| calls * 18 / most);
        let failed = if bar.failed > 0 { y(bar.failed).max(2) } else { 0 };
        let height = if bar.calls > 0 { y(bar.calls).max(2) } else { 0 };
        if height > failed {
            good += &format!("M{x} {}v-{}", 20 - failed, height - failed);
        }
        if failed > 0 {
            bad += &format!("M{x} 20v-{failed}");
        }
    }
    html! {
        svg.spark viewBox="-1 0 90 20" role="img" aria-label=(sentence(&bars)) {
            path.ok d=(good) {}
            @if !bad.is_empty() { path.no d=(bad) {} }
        }
    }
}

/// The chart of a connector: calls and failures an hour, and the line of the 95th percentile.
pub(in crate::ui) fn chart(bars: &[Bar], labels: &[String]) -> Markup {
    const WIDTH: u64 = 720;
    const HEIGHT: u64 = 120;
    let most = bars.iter().map(|bar| bar.calls).max().unwrap_or(0).max(1);
    let slowest = bars.iter().filter_map(|bar| bar.p95_ms).max().unwrap_or(0).max(1);
    let step = WIDTH / bars.len().max(1) as u64;
    let (mut good, mut bad, mut line) = (String::new(), String::new(), String::new());
    for (number, bar) in bars.iter().enumerate() {
        let x = number as u64 * step + 2;
        let wide = step.saturating_sub(4).max(1);
        let height = |calls: u64| if calls == 0 { 0 } else { (calls * HEIGHT / most).max(2) };
        let (all, failed) = (height(bar.calls), height(bar.failed));
        if all > failed {
            good += &format!("M{x} {}h{wide}v-{}h-{wide}z", HEIGHT - failed, all - failed);
        }
        if failed > 0 {
            bad += &format!("M{x} {HEIGHT}h{wide}v-{failed}h-{wide}z");
        }
        if let Some(p95) = bar.p95_ms {
            let y = HEIGHT - p95 * HEIGHT / slowest;
            line += &format!("{}{} {y}", if line.is_empty() { "M" } else { "L" }, x + wide / 2);
        }
    }
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT + 22) } role="img" aria-label=(sentence(bars)) {
            path.axis d={ "M0 " (HEIGHT) "H" (WIDTH) } {}
            path.ok d=(good) {}
            path.no d=(bad) {}
            path.p95 d=(line) {}
            @for (number, label) in labels.iter().enumerate().filter(|(number, _)| number % 6 == 0) {
                text x=(number as u64 * step) y=(HEIGHT + 16) { (label) }
            }
        }
        div.legend {
            span { i.ok {} "Succeeded" }
            span { i.no {} "Failed" }
            span { i.p95 {} "p95, at most " (super::time::took(i64::try_from(slowest).unwrap_or(i64::MAX))) }
        }
        details.more {
            summary { "As a table" }
            div.in.table {
                table.dense {
                    caption.sr { "Calls by the hour" }
                    thead { tr { th scope="col" { "Hour" } th.num scope="col" { "Calls" } th.num scope="col" { "Failed" } th.num scope="col" { "p95" } } }
                    tbody {
                        @for (bar, label) in bars.iter().zip(labels).filter(|(bar, _)| bar.calls > 0) {
                            tr {
                                th scope="row" { (label) }
                                td.num { (bar.calls) }
                                td.num { (bar.failed) }
                                td.num { @match bar.p95_ms { Some(p95) => (super::time::took(i64::try_from(p95).unwrap_or(i64::MAX))), None => "" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
