//! The cockpit without a terminal session: the same brain, pictures, pace and frames as `runtime`, counted.

use std::sync::Arc;
use std::time::Duration;

use cutover::app::keymap::Keymap;
use cutover::app::model::Model;
use cutover::app::msg::Msg;
use cutover::app::update::update;
use cutover::clock::Clock;
use cutover::domain::command::Actor;
use cutover::domain::release::Status;
use cutover::engine::handle::EngineHandle;
use cutover::engine::snapshot::Snapshot;
use cutover::term::{FrameScheduler, Multiplexer, Outlet, Progress, Screen};
use cutover::ui::theme::{Charset, Theme};
use tokio::time::Instant;

use super::release::Failure;

const SECOND: Duration = Duration::from_secs(1);

/// A screen that shows a release.
pub(crate) struct Face {
    handle: EngineHandle,
    snapshot: Arc<Snapshot>,
    model: Model,
    theme: Theme,
    screen: Screen,
    scheduler: FrameScheduler,
    clock: Clock,
    is_lost: bool,
}

impl Face {
    pub(crate) fn attach(handle: EngineHandle, clock: Clock, columns: u16, rows: u16) -> Result<Self, Failure> {
        let actor = Actor::new("maria", "bastion-1");
        let mut scheduler = FrameScheduler::default();
        scheduler.key();
        let snapshot = Arc::clone(&handle.snapshot.borrow());
        Ok(Self {
            snapshot,
            handle,
            model: Model::new(actor, Keymap::built_in()?),
            theme: Theme::named("dark", Charset::Unicode)?,
            screen: Screen::new(Outlet::spawn(std::io::sink())?, Multiplexer::None, columns, rows),
            scheduler,
            clock,
            is_lost: false,
        })
    }

    /// Shows what comes for `span` of tokio's time; what was written by then.
    pub(crate) async fn watch(&mut self, span: Duration) -> Result<Progress, Failure> {
        let end = Instant::now() + span;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(end) => break,
                () = self.scheduler.due(self.screen.outlet()) => self.draw()?,
                changed = self.handle.snapshot.changed(), if !self.is_lost => {
                    self.is_lost = changed.is_err();
                    self.snapshot = Arc::clone(&self.handle.snapshot.borrow_and_update());
                    self.scheduler.data();
                    self.tell(Msg::SnapshotChanged);
                }
                Some(batch) = self.handle.logs.recv() => {
                    self.scheduler.data();
                    self.tell(Msg::Logs(batch));
                }
            }
        }
        Ok(self.screen.outlet().progress())
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.snapshot.release.status(), Status::Ended(_))
    }

    fn tell(&mut self, msg: Msg) {
        let _ticked = update(&mut self.model, &self.snapshot, Msg::Tick(self.clock.now()));
        let _outside = update(&mut self.model, &self.snapshot, msg);
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let _ticked = update(&mut self.model, &self.snapshot, Msg::Tick(self.clock.now()));
        let (model, snapshot, theme) = (&self.model, &self.snapshot, &self.theme);
        let mut sight = None;
        self.screen.draw(|area, buf| sight = Some(cutover::ui::draw(buf, area, model, snapshot, theme)))?;
        if let Some(sight) = sight {
            self.model.saw(sight);
        }
        // The writer is a thread in real time: waited for on paused time, it would make that leap to the next timer.
        while !self.screen.outlet().is_idle() {
            std::thread::yield_now();
        }
        self.scheduler.drawn();
        if !self.has_ended() || !self.model.toasts.is_empty() {
            self.scheduler.within(SECOND);
        }
        Ok(())
    }
}
