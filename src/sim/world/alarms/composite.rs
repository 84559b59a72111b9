//! Rules of composite alarms: `ALARM("a") AND NOT (OK(b) OR FALSE)`.

use super::AlarmState;

/// A composite alarm's rule, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    Constant(bool),
    Is(AlarmState, String),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl Formula {
    /// Reads a rule; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text.trim(), depth: 0 };
        let formula = reader.or()?;
        if reader.rest.is_empty() {
            Ok(formula)
        } else {
            Err(format!("unexpected `{}` in the alarm rule", reader.rest))
        }
    }

    /// Whether the rule holds; alarms that are not there hold nothing.
    pub(super) fn holds(&self, state: &dyn Fn(&str) -> Option<AlarmState>) -> bool {
        match self {
            Self::Constant(holds) => *holds,
            Self::Is(wanted, name) => state(name) == Some(*wanted),
            Self::Not(inner) => !inner.holds(state),
            Self::And(left, right) => left.holds(state) && right.holds(state),
            Self::Or(left, right) => left.holds(state) || right.holds(state),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn take(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn or(&mut self) -> Result<Formula, String> {
        self.depth += 1;
        if self.depth > 64 {
            return Err("the alarm rule is nested too deeply".to_owned());
        }
        let mut left = self.and()?;
        while self.take("OR") {
            left = Formula::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Formula, String> {
        let mut left = self.not()?;
        while self.take("AND") {
            left = Formula::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Formula, String> {
        let mut negations = 0_u32;
        while self.take("NOT") {
            negations += 1;
        }
        let one = self.one()?;
        Ok(if negations.is_multiple_of(2) { one } else { Formula::Not(Box::new(one)) })
    }

    fn one(&mut self) -> Result<Formula, String> {
        if self.take("(") {
            let inner = self.or()?;
            return if self.take(")") {
                Ok(inner)
            } else {
                Err("a parenthesis of the alarm rule is not closed".to_owned())
            };
        }
        if self.take("TRUE") {
            return Ok(Formula::Constant(true));
        }
        if self.take("FALSE") {
            return Ok(Formula::Constant(false));
        }
        for state in AlarmState::ALL {
            if self.take(state.as_str()) {
                return Ok(Formula::Is(*state, self.name()?.to_owned()));
            }
        }
        Err(format!("expected ALARM(…), OK(…) or INSUFFICIENT_DATA(…) at `{}`", self.rest))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let missing = || "expected an alarm's name in parentheses".to_owned();
        let inner = self.rest.strip_prefix('(').ok_or_else(missing)?.trim_start();
        let quote = inner.chars().next().filter(|c| *c == '"' || *c == '\'');
        let (name, rest) = match quote {
            Some(quote) => inner.get(1..).unwrap_or_default().split_once(quote).ok_or_else(missing)?,
            None => inner.split_at(inner.find(')').ok_or_else(missing)?),
        };
        self.rest = rest.trim_start().strip_prefix(')').ok_or_else(missing)?.trim_start();
        let name = name.trim();
        // An ARN names the alarm after its last colon.
        Ok(if name.starts_with("arn:") { name.rsplit_once(':').map_or(name, |(_, short)| short) } else { name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_when_their_alarms_do() {
        let state = |name: &str| match name {
            "a b" => Some(AlarmState::Alarm),
            "c" => Some(AlarmState::Ok),
            _ => None,
        };
        for (rule, expected) in [
            ("ALARM(\"a b\")", true),
            ("ALARM(c) OR OK(c)", true),
            ("ALARM(\"a b\") AND NOT OK(c)", false),
            ("NOT NOT (TRUE AND (FALSE OR ALARM(\"a b\")))", true),
            ("ALARM(nobody)", false),
            ("ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:c) OR FALSE", false),
        ] {
            assert_eq!(Formula::parse(rule).unwrap().holds(&state), expected, "{rule}");
        }
        for broken in ["", "ALARM", "ALARM(a", "ALARM(a) AND", "(TRUE", "TRUE FALSE"] {
            assert!(Formula::parse(broken).is_err(), "{broken}");
        }
    }
}
