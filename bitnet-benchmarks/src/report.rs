//! The report: one HTML file with charts and tables, which needs nothing from anywhere else.

use crate::chart::{self, Line, escape};
use crate::results::{Measurement, Results};

const STYLE: &str = include_str!("report.css");

/// The page for these results.
pub fn html(all: &[Results]) -> String {
    let contents: String = all.iter().map(section).collect();
    let links: String = all
        .iter()
        .map(|results| format!("<a href=\"#{0}\">{0}</a>", escape(&results.bench)))
        .collect::<Vec<_>>()
        .join(" · ");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>BitNet benchmarks</title>\n\
         <style>\n{STYLE}</style></head>\n<body><h1>BitNet benchmarks</h1>\n\
         <p>Times are medians. A limit is what the same machine allows, measured in the same run. {links}</p>\n\
         {contents}</body></html>\n"
    )
}

/// The results of one benchmark, a card a subject.
fn section(results: &Results) -> String {
    let mut names: Vec<&str> = Vec::new();
    for measurement in &results.measurements {
        if !names.contains(&measurement.name.as_str()) {
            names.push(&measurement.name);
        }
    }
    let of = |name: &str| results.measurements.iter().filter(|m| m.name == name).collect::<Vec<_>>();
    let cards: String = names.iter().map(|name| card(name, &of(name), &results.extent)).collect();
    format!(
        "<h2 id=\"{}\">{}</h2>\n<p>{} {}; {}.</p>\n<div class=\"cards\">\n{cards}</div>\n",
        escape(&results.bench),
        escape(&results.bench),
        escape(&results.about),
        escape(&results.machine),
        utc(results.unix_time),
    )
}

fn card(name: &str, measurements: &[&Measurement], extent: &str) -> String {
    let chart = chart::svg(&lines(measurements), extent).unwrap_or_default();
    let rows: String = measurements.iter().map(|m| row(m)).collect();
    format!(
        "<section><h3>{}</h3>\n{chart}\n<table><tr><th></th><th>size</th><th>time</th><th>limit</th>\
         <th>times the limit</th></tr>\n{rows}</table></section>\n",
        escape(name)
    )
}

/// A line a series, and one for each series' limit where they differ.
fn lines(measurements: &[&Measurement]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |name: &str, class: Option<&str>, point: (f64, f64)| {
        if point.0 <= 0.0 || point.1 <= 0.0 {
            return;
        }
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push(point),
            None => {
                let class = class.map_or_else(|| format!("series{}", lines.len() % 4), str::to_owned);
                lines.push(Line { name: name.to_owned(), class, points: vec![point] });
            }
        }
    };
    for m in measurements {
        add(&m.series, None, (m.extent, m.seconds));
    }
    for m in measurements {
        if let Some(limit) = &m.limit {
            add(&limit.name, Some("limit"), (m.extent, limit.seconds));
        }
    }
    for line in &mut lines {
        line.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    lines
}

fn row(m: &Measurement) -> String {
    let (limit, ratio) = match &m.limit {
        Some(limit) => {
            let title = escape(&limit.name);
            let time = format!("<td title=\"{title}\">{}</td>", human_time(limit.seconds));
            (time, format!("<td>{:.1}</td>", m.seconds / limit.seconds.max(1e-12)))
        }
        None => ("<td></td>".to_owned(), "<td></td>".to_owned()),
    };
    let (series, size, time) = (escape(&m.series), escape(&m.size), human_time(m.seconds));
    format!("<tr><td>{series}</td><td>{size}</td><td>{time}</td>{limit}{ratio}</tr>\n")
}

/// A time for people: `3.42 ms`.
fn human_time(seconds: f64) -> String {
    let (scale, unit) = match seconds {
        s if s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        s if s >= 1e-6 => (1e6, "µs"),
        _ => (1e9, "ns"),
    };
    let value = seconds * scale;
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// Date and time of a number of seconds since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn utc(unix_time: u64) -> String {
    let (days, seconds) = (unix_time / 86_400 + 719_468, unix_time % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", seconds / 3_600, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Limit;

    #[test]
    fn dates() {
        for (seconds, expect) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_795_445_100, "2026-11-23 14:45 UTC"),
        ] {
            assert_eq!(utc(seconds), expect);
        }
    }

    #[test]
    fn times_have_three_digits() {
        for (seconds, expect) in
            [(2e-9, "2.00 ns"), (1.234e-5, "12.3 µs"), (0.4567, "457 ms"), (1.5, "1.50 s"), (250.0, "250 s")]
        {
            assert_eq!(human_time(seconds), expect);
        }
    }

    #[test]
    fn a_subject_is_a_card_with_chart_table_and_ratio() {
        let at = |extent: f64| Measurement {
            name: "k<T>".to_owned(),
            series: "float".to_owned(),
            size: format!("{extent} elements"),
            extent,
            seconds: extent * 1e-6,
            limit: Some(Limit { name: "memory".to_owned(), seconds: extent * 0.5e-6 }),
        };
        let results = Results {
            measurements: vec![at(1000.0), at(10.0)],
            ..Results::new("kernels", "About.", "elements", "a machine".to_owned())
        };
        let page = html(&[results]);
        assert_eq!(page.matches("<section>").count(), 1, "{page}");
        assert_eq!(page.matches("<polyline").count(), 2, "one of times and one of limits: {page}");
        assert!(page.contains("k&lt;T&gt;") && page.contains("<td>2.0</td>"), "{page}");
        assert!(!page.contains("http"), "it takes nothing from the network: {page}");
    }
}
