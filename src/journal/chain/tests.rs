use super::*;

const START: Start = Start { sealed: 0, at: Timestamp::from_secs(1) };

fn link(number: u64, entry: &str) -> Link<'_> {
    Link { number, release: 1, seq: number - 1, at: 5, status: "running", ended: false, entry }
}

#[test]
fn no_two_records_have_the_same_encoding() {
    let base = link(1, "ab");
    let prev = START.seal();
    let others = [
        Link { number: 2, ..base },
        Link { release: 2, ..base },
        Link { seq: 9, ..base },
        Link { at: 6, ..base },
        Link { ended: true, ..base },
        Link { status: "runningab", entry: "", ..base },
        Link { status: "running", entry: "abc", ..base },
    ];
    for other in others {
        assert_ne!(other.seal(prev), base.seal(prev), "{other:?}");
    }
    assert_ne!(base.seal(Seal::of(b"another")), base.seal(prev));
    assert_ne!(Start { sealed: 1, ..START }.seal(), prev);
}

#[test]
fn the_encoding_is_the_one_that_is_written_down() {
    // Written out byte by byte, as docs/history.md lists them.
    let mut bytes = b"cutover journal 2".to_vec();
    bytes.extend(0_u64.to_be_bytes());
    bytes.extend(1_000_i64.to_be_bytes());
    assert_eq!(START.seal(), Seal::of(&bytes));
    assert_eq!(
        Seal::of(b"abc").to_string(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "the test vector of FIPS 180-4"
    );
    let mut bytes = START.seal().bytes().to_vec();
    for number in [1_u64, 1, 0] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(5_i64.to_be_bytes());
    bytes.push(0);
    bytes.extend(7_u64.to_be_bytes());
    bytes.extend(b"running");
    bytes.extend(2_u64.to_be_bytes());
    bytes.extend(b"ab");
    assert_eq!(link(1, "ab").seal(START.seal()), Seal::of(&bytes));
}

#[test]
fn a_head_is_read_as_it_is_written_and_nothing_else_is() {
    let head = Head { number: 12, seal: Seal::of(b"x") };
    assert_eq!(head.to_string().parse(), Ok(head));
    for wrong in ["12", "12:", "x:00", "12:zz", &format!("12:{}0", head.seal), &format!("12:{}", "é".repeat(32))] {
        assert!(wrong.parse::<Head>().is_err(), "{wrong}");
    }
}

#[test]
fn an_intact_chain_has_no_findings_and_the_right_head() {
    let first = link(1, "a").seal(START.seal());
    let second = link(2, "b").seal(first);
    let head = Head { number: 2, seal: second };
    let mut inspector = Inspector::new(START, vec![(Witness::Anchor, head)]);
    inspector.see(link(1, "a"), Some(START.seal()), Some(first));
    inspector.see(link(2, "b"), Some(first), Some(second));
    let findings = inspector.finish();
    assert_eq!((findings.problems, findings.head, findings.records), (Vec::new(), Some(head), 2));
}
