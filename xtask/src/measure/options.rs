//! What `cargo xtask bench` is asked for.

/// A size that the SQL chain's database can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Size {
    /// As it is written in the report.
    pub(super) label: String,
    pub(super) bytes: u64,
}

/// Which chains are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scenario {
    Sql,
    Alembic,
    Prefect,
    Airflow,
    Drift,
    /// Start-up, status, memory.
    Small,
}

const SCENARIOS: [(&str, Scenario); 6] = [
    ("sql", Scenario::Sql),
    ("alembic", Scenario::Alembic),
    ("prefect", Scenario::Prefect),
    ("airflow", Scenario::Airflow),
    ("drift", Scenario::Drift),
    ("small", Scenario::Small),
];

/// The command line, read.
pub(super) struct Options {
    pub(super) scenarios: Vec<Scenario>,
    pub(super) sizes: Vec<Size>,
    rounds: Option<usize>,
    quick: bool,
}

impl Options {
    pub(super) fn read(arguments: &[String]) -> Result<Self, String> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options =
            Self { scenarios: Vec::new(), sizes: sizes(if quick { "0" } else { "0,100MB,1GB" })?, rounds: None, quick };
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--quick" => {}
                "--rows" => options.sizes = sizes(words.next().unwrap_or_default())?,
                "--rounds" => {
                    let number = words.next().and_then(|value| value.parse().ok()).filter(|&number| number > 0);
                    options.rounds = Some(number.ok_or("`--rounds` wants a number")?);
                }
                name => options.scenarios.push(scenario(name)?),
            }
        }
        if options.scenarios.is_empty() {
            options.scenarios = SCENARIOS.map(|(_, scenario)| scenario).to_vec();
        }
        Ok(options)
    }

    /// Returns whether everything is measured, as the committed report has it.
    pub(super) fn whole(&self) -> bool {
        !self.quick && self.scenarios.len() == SCENARIOS.len() && self.sizes.len() > 2
    }

    /// Returns how many rounds a scenario gets: fewer where each takes long.
    pub(super) fn rounds(&self, scenario: Scenario, bytes: u64) -> usize {
        let usual = match scenario {
            _ if self.quick || bytes >= 500 << 20 => 3,
            Scenario::Sql if bytes > 0 => 5,
            Scenario::Sql | Scenario::Small | Scenario::Drift => 11,
            Scenario::Alembic | Scenario::Prefect | Scenario::Airflow => 5,
        };
        self.rounds.unwrap_or(usual)
    }
}

fn scenario(name: &str) -> Result<Scenario, String> {
    let known = SCENARIOS.iter().find(|(known, _)| *known == name);
    known.map(|(_, scenario)| *scenario).ok_or_else(|| {
        let names = SCENARIOS.map(|(name, _)| name).join(", ");
        format!("no scenario `{name}`: there are {names}")
    })
}

fn sizes(list: &str) -> Result<Vec<Size>, String> {
    list.split(',').map(size).collect()
}

fn size(text: &str) -> Result<Size, String> {
    let wrong = || format!("`--rows` wants sizes such as 0,100MB,1GB, not `{text}`");
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(2)).ok_or_else(wrong)?;
    let (number, factor) = match unit {
        "MB" => (digits, 1 << 20),
        "GB" => (digits, 1 << 30),
        _ => (text, 1),
    };
    let bytes = number.parse::<u64>().map_err(|_not_a_number| wrong())? * factor;
    let label = if bytes == 0 { "no rows".to_owned() } else { format!("{number} {unit}") };
    Ok(Size { label, bytes })
}
