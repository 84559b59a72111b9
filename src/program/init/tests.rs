use super::draft::{Asked, draft};
use super::find::{Found, find};
use super::*;
use crate::domain::plan::Driver;
use crate::program::testing::{IMAGE, START, Shop};
use crate::sim::{Layout, Scenario, Sim};

fn asked(service: &str) -> Asked {
    Asked {
        environment: "staging".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        profile: Some("shop".to_owned()),
        role: None,
        cluster: "shop".to_owned(),
        service: service.to_owned(),
    }
}

fn account(world: &str) -> Aws {
    let clock = Clock::starting_at(START, 1.0);
    let sim = Sim::new(Scenario::parse("test", world).unwrap(), 11, clock);
    Aws::simulated(sim.http_client(), clock, "eu-west-1", "shop")
}

async fn found(world: &str, service: &str) -> Found {
    find(&account(world), "shop", service).await.unwrap()
}

fn check(text: &str) {
    if let Err(wrong) = Config::read("cutover.toml", text, Path::new(".")) {
        panic!("{wrong}\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_split_makes_a_file_that_releases() {
    let world = "[traffic]\nrate = 10.0\n";
    let text = draft(&asked("api-blue"), &found(world, "api-blue").await);
    check(&text);
    insta::assert_snapshot!("split", text);
    // Whichever of the two is named, the same is found.
    let twin = draft(&asked("api-green"), &found(world, "api-green").await);
    assert_eq!(twin.replace("api-green of", "api-blue of"), text);

    let shop = Shop::of(&text, "staging", world);
    let release = shop.release(IMAGE).await;
    assert_eq!(release.status().word(), "succeeded", "{:#?}", release.timeline);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_split_makes_a_file_that_says_what_is_lacking() {
    let alone = "[[service]]\nname = \"api\"\ndesired = 2\n";
    let found = found(alone, "api").await;
    assert_eq!(found.lacks().len(), 1, "{:?}", found.lacks());
    assert!(
        found.lacks()[0].ends_with("sends traffic to 1 target group; it takes two, with weights"),
        "{:?}",
        found.lacks()
    );
    let text = draft(&asked("api"), &found);
    check(&text);
    insta::assert_snapshot!("rolling", text);
}

/// What is made of the simulated service where its sides are laid out so.
async fn laid_out(layout: Layout) -> (Found, String) {
    let clock = Clock::starting_at(START, 1.0);
    let sim = Sim::new(Scenario::parse("test", "").unwrap().laid_out(layout), 11, clock);
    let account = Aws::simulated(sim.http_client(), clock, "eu-west-1", "shop");
    let found = find(&account, "shop", "api").await.unwrap();
    let text = draft(&asked("api"), &found);
    check(&text);
    (found, text)
}

#[tokio::test(start_paused = true)]
async fn the_driver_that_a_service_is_set_up_for_is_recognised() {
    let (found, text) = laid_out(Layout::TwoRevisions).await;
    assert_eq!((found.driver(), found.lacks()), (Driver::Native, Vec::new()));
    insta::assert_snapshot!("native", text);
    let (found, text) = laid_out(Layout::OneService).await;
    assert_eq!(found.driver(), Driver::Rolling);
    assert!(text.contains("\ndriver = \"rolling\"\n"), "{text}");
    // CodeDeploy's own names are nowhere in ECS.
    let (found, text) = laid_out(Layout::TwoTaskSets).await;
    assert_eq!(found.driver(), Driver::Command);
    assert!(found.lacks()[0].contains("`driver = \"codedeploy\"`"), "{:?}", found.lacks());
    insta::assert_snapshot!("whole", text);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_there_is_told_with_those_that_are() {
    let error = find(&account(""), "shop", "api").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no active service `api` in cluster `shop`; there is api-blue, api-green");
    assert_eq!(output::code_of(&error), output::USAGE);
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cutover.toml");
    write(&path, "one").unwrap();
    let error = write(&path, "two").unwrap_err();
    assert!(error.to_string().contains("stays as it is"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
}
