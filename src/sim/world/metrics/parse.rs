//! Metric math, read.

/// A formula.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Formula {
    Number(f64),
    Text(String),
    Name(String),
    Negated(Box<Self>),
    Binary(Box<Self>, Operator, Box<Self>),
    Call(String, Vec<Self>),
    List(Vec<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Operator(Operator),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

/// Reads a formula; the error says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Formula, String> {
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens: &tokens, depth: 0 };
    let formula = reader.binary(0)?;
    match reader.tokens {
        [] => Ok(formula),
        [token, ..] => Err(format!("unexpected {token:?} in expression '{text}'")),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '0'..='9' | '.' => {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                let number = rest.get(..end).unwrap_or_default();
                tokens.push(Token::Number(number.parse().map_err(|_| format!("'{number}' is not a number"))?));
                end
            }
            '"' | '\'' => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = inner.find(first).ok_or("a string is not closed")?;
                tokens.push(Token::Text(inner.get(..end).unwrap_or_default().to_owned()));
                end + 2
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(match rest.get(..end).unwrap_or_default() {
                    "AND" => Token::Operator(Operator::And),
                    "OR" => Token::Operator(Operator::Or),
                    name => Token::Name(name.to_owned()),
                });
                end
            }
            _ => {
                let (token, length) =
                    symbol(rest).ok_or_else(|| format!("unexpected '{first}' in expression '{text}'"))?;
                tokens.push(token);
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

fn symbol(rest: &str) -> Option<(Token, usize)> {
    let two = match rest.get(..2) {
        Some("<=") => Some(Operator::LessOrEqual),
        Some(">=") => Some(Operator::GreaterOrEqual),
        Some("==") => Some(Operator::Equal),
        Some("!=") => Some(Operator::NotEqual),
        Some("&&") => Some(Operator::And),
        Some("||") => Some(Operator::Or),
        _ => None,
    };
    if let Some(operator) = two {
        return Some((Token::Operator(operator), 2));
    }
    let token = match rest.chars().next()? {
        '+' => Token::Operator(Operator::Add),
        '-' => Token::Operator(Operator::Subtract),
        '*' => Token::Operator(Operator::Multiply),
        '/' => Token::Operator(Operator::Divide),
        '^' => Token::Operator(Operator::Power),
        '<' => Token::Operator(Operator::Less),
        '>' => Token::Operator(Operator::Greater),
        '(' => Token::Open,
        ')' => Token::Close,
        '[' => Token::OpenList,
        ']' => Token::CloseList,
        ',' => Token::Comma,
        _ => return None,
    };
    Some((token, 1))
}

impl Operator {
    const fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual | Self::Equal | Self::NotEqual => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide => 5,
            Self::Power => 6,
        }
    }
}

/// How deep formulas may be nested, so that a hostile one cannot exhaust the stack.
const DEEPEST: u32 = 64;

struct Reader<'a> {
    tokens: &'a [Token],
    depth: u32,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn binary(&mut self, least: u8) -> Result<Formula, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the expression is nested too deeply".to_owned());
        }
        let mut left = self.unary()?;
        while let Some(Token::Operator(operator)) = self.tokens.first() {
            let operator = *operator;
            if operator.binding() <= least {
                break;
            }
            self.next();
            left = Formula::Binary(Box::new(left), operator, Box::new(self.binary(operator.binding())?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Formula, String> {
        match self.next() {
            Some(Token::Operator(Operator::Subtract)) => {
                // Tighter than every operator, and guarded by `binary`'s depth.
                Ok(Formula::Negated(Box::new(self.binary(Operator::Multiply.binding())?)))
            }
            Some(Token::Number(number)) => Ok(Formula::Number(number)),
            Some(Token::Text(text)) => Ok(Formula::Text(text)),
            Some(Token::Open) => {
                let inner = self.binary(0)?;
                match self.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err("a parenthesis is not closed".to_owned()),
                }
            }
            Some(Token::OpenList) => Ok(Formula::List(self.list(&Token::CloseList)?)),
            Some(Token::Name(name)) if self.tokens.first() == Some(&Token::Open) => {
                self.next();
                Ok(Formula::Call(name, self.list(&Token::Close)?))
            }
            Some(Token::Name(name)) => Ok(Formula::Name(name)),
            Some(token) => Err(format!("unexpected {token:?}")),
            None => Err("the expression ends too early".to_owned()),
        }
    }

    fn list(&mut self, close: &Token) -> Result<Vec<Formula>, String> {
        let mut items = Vec::new();
        if self.tokens.first() == Some(close) {
            self.next();
            return Ok(items);
        }
        loop {
            items.push(self.binary(0)?);
            match self.next() {
                Some(Token::Comma) => {}
                Some(token) if token == *close => return Ok(items),
                _ => return Err("a list is not closed".to_owned()),
            }
        }
    }
}
