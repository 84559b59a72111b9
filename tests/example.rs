//! The example configuration names what the simulated AWS has, whatever the seed: the demo runs it as it stands.

use std::path::Path;

use cutover::config::{Config, Receiver};
use cutover::domain::time::Timestamp;
use cutover::sim::scenario::Scenario;
use cutover::sim::world::World;
use cutover::sim::world::alarms::DescribeAlarms;

#[test]
fn every_resource_of_the_example_is_in_the_simulated_aws() {
    let config =
        Config::read("config.example.toml", include_str!("../config.example.toml"), Path::new("/state")).unwrap();
    let (_, component) = config.component("demo", None).unwrap();
    let site = component.site.as_ref().unwrap();
    for seed in [1, 2] {
        let world = World::new(&Scenario::named("healthy").unwrap(), seed, Timestamp::from_secs(1_790_000_000));
        let rules = world.describe_rules(None, std::slice::from_ref(&site.listener_rule)).unwrap();
        assert_eq!(rules.len(), 1);
        let groups = site.services.each_ref().map(|service| service.target_group.clone());
        assert_eq!(world.describe_target_groups(None, &groups, &[]).unwrap().len(), 2);
        let services = site.services.each_ref().map(|service| service.service.clone());
        assert_eq!(world.describe_services(Some(&site.cluster), &services).unwrap().found.len(), 2);
        let names: Vec<String> = component.alarms.iter().map(ToString::to_string).collect();
        let alarms =
            world.describe_alarms(&DescribeAlarms { names: names.clone(), ..DescribeAlarms::default() }).unwrap();
        assert_eq!(alarms.len(), names.len());
        for group in &component.logs {
            assert_eq!(world.describe_log_groups(Some(group), None).unwrap().len(), 1);
        }
        for channel in config.channels.values() {
            if let Receiver::Sns { topic } = &channel.receiver {
                assert!(world.get_topic(topic).is_ok(), "{topic}");
            }
        }
    }
}
