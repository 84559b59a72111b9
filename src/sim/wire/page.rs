//! Continuation tokens: opaque to the client, checked when they come back.

use super::service::Service;
use crate::sim::world::ApiError;

/// One page of `items`: the part that starts where `token` says, at most `size` of them, and the token of the next
/// page. A token of another operation, or one that was never given out, is refused.
pub(crate) fn page<T>(
    service: Service,
    operation: &str,
    items: Vec<T>,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let start = match token {
        Some(token) => position(operation, token).filter(|&start| start <= items.len()),
        None => Some(0),
    };
    let start = start.ok_or_else(|| service.bad_token())?;
    let end = start.saturating_add(size);
    let next = (end < items.len()).then(|| token_at(operation, end));
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

/// The token that stands for a position in an operation's answers.
pub(crate) fn token_at(operation: &str, position: usize) -> String {
    let position = position as u64;
    format!("{position:08x}{:016x}", seal(operation, position))
}

/// The position that a token stands for.
pub(crate) fn position(operation: &str, token: &str) -> Option<usize> {
    let (position, sealed) = token.split_at_checked(8)?;
    let position = u64::from_str_radix(position, 16).ok()?;
    (token == token_at(operation, usize::try_from(position).ok()?) && sealed.len() == 16)
        .then(|| usize::try_from(position).ok())?
}

/// FNV-1a over what the token stands for: enough to tell a made-up token from one that was given out.
fn seal(operation: &str, position: u64) -> u64 {
    operation
        .bytes()
        .chain(position.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_up_to_the_whole() {
        let mut joined = Vec::new();
        let mut token = None;
        loop {
            let items: Vec<u8> = (0..7).collect();
            let (part, next) = page(Service::Ecs, "ListTasks", items, token.as_deref(), 3).unwrap();
            joined.extend(part);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(joined, (0..7).collect::<Vec<u8>>());
    }

    #[test]
    fn tokens_of_another_operation_or_of_no_one_are_refused() {
        let token = token_at("ListTasks", 3);
        for (operation, token) in [("ListServices", token.as_str()), ("ListTasks", "3"), ("ListTasks", "é3000000")] {
            assert!(page(Service::Ecs, operation, vec![0; 9], Some(token), 3).is_err(), "{operation} {token}");
        }
    }
}
