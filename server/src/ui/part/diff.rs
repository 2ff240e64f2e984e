//! Two texts side by side, line by line: what was removed, what was added, and a little around it.

use std::collections::HashMap;

use maud::{Markup, html};

/// The maximum number of lines of both texts that are compared; longer ones are shown as replaced from their first
/// difference to their last.
const MAX_LINES: usize = 40_000;
/// The maximum number of lines that differ for which the shortest way is looked for, beyond which a part counts as replaced.
const MAX_DIFFERENCES: usize = 1_000;
/// The maximum number of lines that are shown.
const MAX_SHOWN: usize = 4_000;
/// How many unchanged lines stand around what changed.
const AROUND: usize = 3;

/// A line of two texts, with its number in each that has it, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Same(usize, usize),
    Removed(usize),
    Added(usize),
}

/// How many lines were removed and added, in words.
pub(in crate::ui) fn summary(old: &str, new: &str) -> String {
    let lines = compare(&split(old), &split(new));
    let count = |wanted: fn(&Line) -> bool| lines.iter().filter(|line| wanted(line)).count();
    let added = count(|line| matches!(line, Line::Added(_)));
    let removed = count(|line| matches!(line, Line::Removed(_)));
    format!("{added} added, {removed} removed")
}

/// Shows what changed from one script to the other as a card; nothing if they are the same. `lines` and `all` are the addresses
/// of the page with the changed lines, and with all of them.
pub(in crate::ui) fn scripts(old: &str, new: &str, lines: &str, all: &str, whole: bool) -> Markup {
    html! {
        @if old != new {
            section.card aria-labelledby="script-title" {
                header {
                    h2 #script-title { "Script" }
                    small.muted { (summary(old, new)) }
                    span.end {
                        nav.tabs aria-label="Lines of the script" {
                            a href=(lines) aria-current=[(!whole).then_some("page")] { "Lines" }
                            a href=(all) aria-current=[whole.then_some("page")] { "Whole" }
                        }
                    }
                }
                div.body.stack { (diff(old, new, "Changed lines of the script", whole)) }
            }
        }
    }
}

/// Shows what changed from one text to the other. With `whole`, all lines are shown.
pub(in crate::ui) fn diff(old: &str, new: &str, label: &str, whole: bool) -> Markup {
    let (old, new) = (split(old), split(new));
    let lines = compare(&old, &new);
    let rows = if whole { lines.iter().map(|line| Row::Line(*line)).collect() } else { hunks(&lines) };
    let cut = rows.len().saturating_sub(MAX_SHOWN);
    html! {
        @if lines.iter().all(|line| matches!(line, Line::Same(..))) && !whole {
            p.muted { "Nothing differs." }
        } @else {
            div.diff tabindex="0" role="region" aria-label=(label) {
                table {
                    caption.sr { (label) }
                    tbody {
                        @for row in rows.iter().take(MAX_SHOWN) {
                            @match row {
                                Row::Line(line) => (shown(*line, &old, &new)),
                                Row::Skipped(count) => tr.skip-row { td colspan="4" { (super::badge::count(*count, "unchanged line", "unchanged lines")) } },
                            }
                        }
                    }
                }
            }
            @if cut > 0 { p.muted { "And " (cut) " more lines." } }
        }
    }
}

fn shown(line: Line, old: &[&str], new: &[&str]) -> Markup {
    let (class, before, after, text) = match line {
        Line::Same(before, after) => ("", Some(before), Some(after), old[before - 1]),
        Line::Removed(before) => ("del", Some(before), None, old[before - 1]),
        Line::Added(after) => ("add", None, Some(after), new[after - 1]),
    };
    html! {
        tr class=[(!class.is_empty()).then_some(class)] {
            td.ln { @if let Some(number) = before { (number) } }
            td.ln { @if let Some(number) = after { (number) } }
            td.sg {
                @match class {
                    "del" => { span.sr { "removed" } span aria-hidden="true" { "-" } },
                    "add" => { span.sr { "added" } span aria-hidden="true" { "+" } },
                    _ => {},
                }
            }
            td { (text) }
        }
    }
}

/// A row of what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Line(Line),
    Skipped(usize),
}

/// Leaves out what is far from any change.
fn hunks(lines: &[Line]) -> Vec<Row> {
    let mut near = vec![false; lines.len()];
    for (place, _) in lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(..))) {
        let end = (place + AROUND + 1).min(lines.len());
        near[place.saturating_sub(AROUND)..end].fill(true);
    }
    let mut rows = Vec::new();
    for (line, is_near) in lines.iter().zip(near) {
        match (is_near, rows.last_mut()) {
            (true, _) => rows.push(Row::Line(*line)),
            (false, Some(Row::Skipped(count))) => *count += 1,
            (false, _) => rows.push(Row::Skipped(1)),
        }
    }
    rows
}

fn split(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Compares two texts: what both begin and end with, and the shortest way between the rest.
fn compare(old: &[&str], new: &[&str]) -> Vec<Line> {
    let begin = old.iter().zip(new).take_while(|(left, right)| left == right).count();
    let rest = old.len().min(new.len()) - begin;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(left, right)| left == right).count();
    let mut lines: Vec<Line> = (1..=begin).map(|number| Line::Same(number, number)).collect();
    let (old_middle, new_middle) = (&old[begin..old.len() - end], &new[begin..new.len() - end]);
    let middle = if old.len() + new.len() > MAX_LINES { None } else { shortest(old_middle, new_middle) };
    match middle {
        Some(middle) => lines.extend(middle.into_iter().map(|line| match line {
            Line::Same(before, after) => Line::Same(before + begin, after + begin),
            Line::Removed(before) => Line::Removed(before + begin),
            Line::Added(after) => Line::Added(after + begin),
        })),
        None => {
            lines.extend((begin + 1..=old.len() - end).map(Line::Removed));
            lines.extend((begin + 1..=new.len() - end).map(Line::Added));
        }
    }
    let (before, after) = (old.len() - end, new.len() - end);
    lines.extend((1..=end).map(|number| Line::Same(before + number, after + number)));
    lines
}

/// Finds the shortest way from one text to the other by Myers' algorithm; `None` if they differ too much.
fn shortest(old: &[&str], new: &[&str]) -> Option<Vec<Line>> {
    // Numbers are compared faster than texts.
    let mut numbers = HashMap::new();
    let mut number = |line: &&str| {
        let next = numbers.len();
        *numbers.entry((*line).to_owned()).or_insert(next)
    };
    let old: Vec<usize> = old.iter().map(&mut number).collect();
    let new: Vec<usize> = new.iter().map(&mut number).collect();
    let most = (old.len() + new.len()).min(MAX_DIFFERENCES);
    // The furthest place in the old text on each diagonal; `trace` has those of every round.
    let mut furthest = vec![0_usize; 2 * most + 3];
    let middle = most + 1;
    let mut trace: Vec<Vec<usize>> = Vec::new();
    for round in 0..=most {
        trace.push(furthest[middle - round..=middle + round].to_vec());
        for step in 0..=round {
            let diagonal = middle + 2 * step - round;
            let down = is_down(&furthest, diagonal, step, round);
            let mut x = if down { furthest[diagonal + 1] } else { furthest[diagonal - 1] + 1 };
            // y = x - (diagonal - middle), which is never negative here.
            let mut y = (x + middle).checked_sub(diagonal)?;
            while x < old.len() && y < new.len() && old[x] == new[y] {
                x += 1;
                y += 1;
            }
            furthest[diagonal] = x;
            if x >= old.len() && y >= new.len() {
                return Some(way_back(&trace, old.len(), new.len(), round));
            }
        }
    }
    None
}

/// Returns whether the best way to a diagonal comes by adding a line.
fn is_down(furthest: &[usize], diagonal: usize, step: usize, round: usize) -> bool {
    step == 0 || (step != round && furthest[diagonal - 1] < furthest[diagonal + 1])
}

/// Follows the rounds back to the beginning.
fn way_back(trace: &[Vec<usize>], mut x: usize, mut y: usize, last: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for round in (1..=last).rev() {
        // What was known before this round, by diagonal from -(round) to round.
        let known = &trace[round];
        let Some(place) = (x + round).checked_sub(y) else { break };
        let step = place / 2;
        let left = || known.get(place.wrapping_sub(1)).copied();
        let right = || known.get(place + 1).copied();
        let down = step == 0 || (step != round && left() < right());
        let (from_x, from_y) = if down {
            let from = right().unwrap_or(0);
            (from, (from + round).saturating_sub(place + 1))
        } else {
            let from = left().unwrap_or(0);
            (from, (from + round).saturating_sub(place - 1))
        };
        let (at_x, at_y) = if down { (from_x, from_y + 1) } else { (from_x + 1, from_y) };
        while x > at_x && y > at_y {
            lines.push(Line::Same(x, y));
            x -= 1;
            y -= 1;
        }
        lines.push(if down { Line::Added(at_y) } else { Line::Removed(at_x) });
        (x, y) = (from_x, from_y);
    }
    while x > 0 && y > 0 {
        lines.push(Line::Same(x, y));
        x -= 1;
        y -= 1;
    }
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn signs(old: &str, new: &str) -> String {
        let (old, new) = (split(old), split(new));
        let lines = compare(&old, &new);
        // Read in order, the lines give both texts.
        let side = |wanted: fn(&Line) -> Option<usize>, text: &[&str]| {
            let numbers = lines.iter().filter_map(wanted);
            numbers.map(|number| text[number - 1].to_owned()).collect::<Vec<String>>()
        };
        let before = |line: &Line| match line {
            Line::Same(number, _) | Line::Removed(number) => Some(*number),
            Line::Added(_) => None,
        };
        let after = |line: &Line| match line {
            Line::Same(_, number) | Line::Added(number) => Some(*number),
            Line::Removed(_) => None,
        };
        assert_eq!((side(before, &old), side(after, &new)), (owned(&old), owned(&new)));
        for line in &lines {
            if let Line::Same(left, right) = line {
                assert_eq!(old[left - 1], new[right - 1]);
            }
        }
        let sign = |line: &Line| match line {
            Line::Same(..) => '=',
            Line::Removed(_) => '-',
            Line::Added(_) => '+',
        };
        lines.iter().map(sign).collect()
    }

    #[test]
    fn the_shortest_way_is_found() {
        for (old, new, expected) in [
            ("", "", ""),
            ("a", "a", "="),
            ("", "a\nb", "++"),
            ("a\nb", "", "--"),
            ("a\nb\nc", "a\nx\nc", "=-+="),
            ("a\nb\nc\na\nb\nb\na", "c\nb\na\nb\na\nc", "--=+==-=+"),
            ("1\n2\n3\n4\n5", "1\n3\n5\n6", "=-=-=+"),
        ] {
            let found = signs(old, new);
            assert_eq!(found.len(), expected.len(), "{old:?} {new:?}: {found}");
            assert_eq!(found.matches('=').count(), expected.matches('=').count(), "{old:?} {new:?}: {found}");
        }
    }

    #[test]
    fn any_two_texts_are_compared() {
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..300 {
            let mut text = || {
                let lines = next(30);
                (0..lines).map(|_| format!("line {}\n", next(6))).collect::<String>()
            };
            let (old, new) = (text(), text());
            signs(&old, &new);
        }
    }

    #[test]
    fn texts_that_differ_too_much_are_replaced_as_a_whole() {
        let numbers = |from: usize| (from..from + 2_000).map(|number| format!("{number}\n")).collect::<String>();
        let found = signs(&format!("same\n{}", numbers(0)), &format!("same\n{}", numbers(5_000)));
        assert_eq!((found.len(), found.matches('=').count()), (4_001, 1));
        let long = "x\n".repeat(MAX_LINES);
        assert_eq!(signs(&long, &format!("{long}y")).matches('+').count(), 1);
        let page = diff(&long, &format!("y\n{long}"), "lines", true).into_string();
        assert!(page.contains(&format!("And {} more lines", MAX_LINES + 1 - MAX_SHOWN)), "{}", page.len());
    }

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let old: String = (1..=20).map(|number| format!("line {number}\n")).collect();
        let new = old.replace("line 10\n", "line ten\n<b>\n");
        let page = diff(&old, &new, "Changed lines", false).into_string();
        for part in ["6 unchanged lines", "7 unchanged lines", "line ten", "&lt;b&gt;", "removed", "added"] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("line 3<") && page.contains("line 7<"));
        insta::assert_snapshot!("diff", page.replace('>', ">\n"));
        assert_eq!(summary(&old, &new), "2 added, 1 removed");
        assert!(diff(&old, &old, "Changed lines", false).into_string().contains("Nothing differs"));
    }
}
