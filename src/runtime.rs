//! The cockpit's loop: keys before signals before data, one picture at a time.
//!
//! It owns nothing but the screen. Whatever happens here — quitting, a crash, a terminal that hangs up — the release
//! goes on where its engine runs.

mod save;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::fleet::Fleet;
use crate::app::keymap::Keymap;
use crate::app::model::{Access, Connection, Model, View};
use crate::app::msg::{Cmd, Msg};
use crate::app::past::{BackWish, PastPreview, PastRelease};
use crate::app::update::update;
use crate::app::watch::TakeOver;
use crate::clock::Clock;
use crate::domain::checklist::Group;
use crate::domain::command::Actor;
use crate::domain::ids::ReleaseId;
use crate::domain::release::{Release, Status};
use crate::domain::time::Timestamp;
use crate::engine::handle::{EngineHandle, Playback};
use crate::engine::snapshot::Snapshot;
use crate::term::{
    Capabilities, Departure, FrameScheduler, Input, Inputs, Screen, Session, SessionError, Signal, Signals, Suspended,
    Wishes,
};
use crate::ui;
use crate::ui::theme::{ColourDepth, Theme};

/// Clocks and countdowns on the screen move this often.
const SECOND: Duration = Duration::from_secs(1);

/// Orders on their way when somebody leaves get this long to be answered.
const LAST_ORDERS: Duration = Duration::from_secs(2);

/// What the cockpit is to look like and who sits in front of it.
#[derive(Debug)]
pub struct Cockpit {
    /// What the terminal is wished to show.
    pub wishes: Wishes,
    /// A theme to draw with wherever there is colour, in place of the built-in ones.
    pub theme: Option<Theme>,
    /// The engine's clock.
    pub clock: Clock,
    /// Who gives the commands.
    pub actor: Actor,
    /// Whether commands may be given.
    pub access: Access,
    /// What the keys mean.
    pub keymap: Keymap,
    /// Seconds by which clock times shown are ahead of UTC.
    pub utc_offset: i32,
    /// Leave by itself when the release ends.
    pub exit_at_end: bool,
    /// How it calls for attention.
    pub attention: Attention,
    /// Where wishes about a replay go, if this shows one.
    pub player: Option<UnboundedSender<Playback>>,
    /// Earlier releases that can be gone back to, where there are any.
    pub past: Option<Box<dyn Past>>,
    /// Goes through the launch checklist, where that can be done.
    pub doctor: Option<Box<dyn Doctor>>,
    /// The fleet, where it can be read.
    pub fleet: Option<FleetFeed>,
}

/// Goes through the launch checklist of the release's environment.
pub trait Doctor: std::fmt::Debug + Send {
    /// What it finds, or why it cannot look. It changes nothing.
    fn look(&self) -> BoxFuture<'static, Result<Vec<Group>, String>>;
}

/// The fleet, as somebody outside reads it.
#[derive(Debug)]
pub struct FleetFeed {
    /// The newest reading.
    pub seen: watch::Receiver<Arc<Fleet>>,
    /// Whether it is on the screen: nothing is read while it is not.
    pub is_wanted: watch::Sender<bool>,
    /// Whoever reads it; ends with the screen.
    pub reader: JoinSet<()>,
}

/// Knows earlier releases.
pub trait Past: std::fmt::Debug + Send {
    /// Those that can be gone back to from `shown`, newest first.
    fn earlier(&self, shown: &Release) -> Vec<PastRelease>;

    /// What going back to one would do.
    ///
    /// # Errors
    ///
    /// Why that cannot be, in words.
    fn preview(&self, shown: &Release, to: ReleaseId) -> Result<PastPreview, String>;
}

/// How the cockpit calls for attention: when the release waits for a human, goes back, is paused by itself or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// The bell rings.
    pub bell: bool,
    /// A desktop notification is shown, where the terminal knows how.
    pub notifications: bool,
}

impl Default for Attention {
    fn default() -> Self {
        Self { bell: true, notifications: true }
    }
}

/// How the cockpit was left.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// Why.
    pub by: Leaving,
    /// The release as it was last seen.
    pub release: Arc<Release>,
    /// Its engine went away before that.
    pub is_engine_lost: bool,
    /// The earlier release to go back to, if that is why.
    pub back: Option<BackWish>,
    /// The deployment to take over, if that is why.
    pub take: Option<TakeOver>,
}

/// Why the cockpit was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// A key.
    Key,
    /// A signal.
    Signal(Departure),
    /// The terminal is gone.
    Terminal,
    /// A defect: its report has been printed.
    Crash,
    /// The release ended, and that was to be the end.
    End,
    /// To go back to an earlier release.
    Back,
    /// To take over a deployment of somebody else's.
    TakeOver,
}

/// Why there is no cockpit.
#[derive(Debug, thiserror::Error)]
pub enum CockpitError {
    /// The terminal cannot be taken over.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The theme cannot be read.
    #[error("the theme cannot be used: {0}")]
    Theme(#[from] ui::theme::ThemeError),
    /// The terminal or the system's signals do not work.
    #[error("the terminal does not work: {0}")]
    Io(#[from] std::io::Error),
}

/// Shows the release until somebody leaves.
///
/// # Errors
///
/// When the terminal cannot be taken over.
pub async fn run(handle: EngineHandle, cockpit: Cockpit) -> Result<Left, CockpitError> {
    let capabilities = Capabilities::of_process(cockpit.wishes);
    let theme = match cockpit.theme.filter(|_| capabilities.colour != ColourDepth::None) {
        Some(theme) => theme,
        None => Theme::built_in(capabilities.colour, capabilities.background, capabilities.charset)?,
    };
    let signals = Signals::listen()?;
    let (session, outlet) = Session::enter()?;
    let (columns, rows) = session.size()?;
    let screen = Screen::new(outlet, capabilities.multiplexer, columns, rows);
    let mut model = Model::new(cockpit.actor, cockpit.keymap);
    model.access = cockpit.access;
    model.utc_offset = cockpit.utc_offset;
    let snapshot = Arc::clone(&handle.snapshot.borrow());
    let loop_ = Loop {
        handle,
        model,
        theme,
        session,
        signals,
        inputs: Inputs::new(),
        screen,
        size: (columns, rows),
        scheduler: FrameScheduler::default(),
        answers: FuturesUnordered::new(),
        saving: FuturesUnordered::new(),
        found: FuturesUnordered::new(),
        snapshot,
        clock: cockpit.clock,
        exit_at_end: cockpit.exit_at_end,
        player: cockpit.player,
        attention: cockpit.attention,
        past: cockpit.past,
        doctor: cockpit.doctor,
        looks: JoinSet::new(),
        fleet: cockpit.fleet,
        knows_past_since: None,
        back: None,
        take: None,
        is_lost: false,
        is_retaken: false,
    };
    loop_.run().await
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Msg> + Send>>;

struct Loop {
    handle: EngineHandle,
    model: Model,
    theme: Theme,
    session: Session,
    signals: Signals,
    inputs: Inputs,
    screen: Screen,
    size: (u16, u16),
    scheduler: FrameScheduler,
    answers: FuturesUnordered<Answer>,
    saving: FuturesUnordered<save::Saving>,
    /// Answers to questions: nobody who leaves waits for these.
    found: FuturesUnordered<Answer>,
    snapshot: Arc<Snapshot>,
    clock: Clock,
    exit_at_end: bool,
    player: Option<UnboundedSender<Playback>>,
    attention: Attention,
    past: Option<Box<dyn Past>>,
    doctor: Option<Box<dyn Doctor>>,
    /// A look at the launch checklist that is under way: on its own, and gone with the screen.
    looks: JoinSet<Result<Vec<Group>, String>>,
    fleet: Option<FleetFeed>,
    /// Whether the release had ended when earlier ones were last asked for: what serves then is another one.
    knows_past_since: Option<bool>,
    back: Option<BackWish>,
    take: Option<TakeOver>,
    is_lost: bool,
    /// The terminal has been taken over again after a stop of our own, and the signal that ended it is still to come.
    is_retaken: bool,
}

impl Loop {
    async fn run(mut self) -> Result<Left, CockpitError> {
        self.scheduler.key();
        let mut leaving = self.tell(Msg::SnapshotChanged)?;
        while leaving.is_none() {
            leaving = self.turn().await?;
        }
        let by = leaving.unwrap_or(Leaving::Key);
        // An order that was just given is still on its way: leaving must not take it back.
        let _answered = tokio::time::timeout(LAST_ORDERS, async { while self.answers.next().await.is_some() {} }).await;
        Ok(Left {
            by,
            release: Arc::clone(&self.snapshot.release),
            is_engine_lost: self.is_lost,
            back: self.back,
            take: self.take,
        })
    }

    /// One thing that happened; why to leave, if it was a reason to.
    async fn turn(&mut self) -> Result<Option<Leaving>, CockpitError> {
        tokio::select! {
            biased;
            () = self.session.crashed() => Ok(Some(Leaving::Crash)),
            input = self.inputs.next() => match input {
                Some(Ok(input)) => self.input(input),
                Some(Err(_)) | None => Ok(Some(Leaving::Terminal)),
            },
            signal = self.signals.next() => self.signal(signal),
            _ = self.screen.outlet().failed() => Ok(Some(Leaving::Terminal)),
            () = self.scheduler.due(self.screen.outlet()) => {
                self.draw()?;
                Ok(None)
            }
            Some(answer) = self.answers.next() => {
                self.scheduler.key();
                self.tell(answer)
            }
            Some(found) = self.found.next() => {
                self.scheduler.data();
                self.tell(found)
            }
            Some(looked) = self.looks.join_next() => {
                self.scheduler.key();
                let looked = looked.unwrap_or_else(|error| Err(format!("the look at it was lost: {error}")));
                self.tell(Msg::Examined(looked))
            }
            changed = self.handle.snapshot.changed(), if !self.is_lost => {
                self.scheduler.data();
                if changed.is_err() {
                    return self.lost();
                }
                self.snapshot = Arc::clone(&self.handle.snapshot.borrow_and_update());
                let leaving = self.tell(Msg::SnapshotChanged)?;
                let is_over = self.exit_at_end && matches!(self.snapshot.release.status(), Status::Ended(_));
                Ok(leaving.or(is_over.then_some(Leaving::End)))
            }
            fleet = newest(&mut self.fleet) => {
                self.scheduler.data();
                self.tell(Msg::Fleet(fleet))
            }
            Some(batch) = self.handle.logs.recv() => {
                self.scheduler.data();
                self.tell(Msg::Logs(batch))
            }
            Some(outcome) = self.saving.next() => {
                self.scheduler.key();
                self.tell(Msg::Saved(outcome))
            }
            // Last: a filter over many lines is a matter of a few milliseconds at a time, between everything else.
            () = tokio::task::yield_now(), if self.model.logs.unsearched() > 0 => {
                self.scheduler.data();
                self.tell(Msg::Search)
            }
        }
    }

    fn lost(&mut self) -> Result<Option<Leaving>, CockpitError> {
        self.is_lost = true;
        if matches!(self.snapshot.release.status(), Status::Ended(_)) {
            // It has done its work; what is shown is the last word.
            return Ok(None);
        }
        let why = "it has ended or was stopped; run cutover again to recover".to_owned();
        self.tell(Msg::Connection(Connection::Lost { since: self.clock.now(), why }))
    }

    fn input(&mut self, input: Input) -> Result<Option<Leaving>, CockpitError> {
        self.scheduler.key();
        match input {
            Input::Key(chord) => self.tell(Msg::Key(chord)),
            Input::Paste(text) => self.tell(Msg::Paste(text)),
            Input::Resize(columns, rows) => self.resize(columns, rows),
            Input::FocusGained | Input::FocusLost => Ok(None),
        }
    }

    fn signal(&mut self, signal: Signal) -> Result<Option<Leaving>, CockpitError> {
        self.scheduler.key();
        match signal {
            Signal::Detach(departure) => Ok(Some(Leaving::Signal(departure))),
            Signal::Suspend => {
                self.suspend()?;
                Ok(None)
            }
            // Taking the terminal over twice would save the cockpit's own title and cursor in place of the shell's.
            Signal::Continue if std::mem::take(&mut self.is_retaken) => Ok(None),
            Signal::Continue => {
                self.session.retake()?;
                self.screen.forget();
                Ok(None)
            }
            Signal::Resize => {
                let (columns, rows) = self.session.size()?;
                self.resize(columns, rows)
            }
        }
    }

    /// Takes over the terminal's size, unless it is known already: two sources tell of each change.
    fn resize(&mut self, columns: u16, rows: u16) -> Result<Option<Leaving>, CockpitError> {
        if self.size == (columns, rows) {
            return Ok(None);
        }
        self.size = (columns, rows);
        self.screen.resize(columns, rows);
        self.tell(Msg::Resize)
    }

    fn suspend(&mut self) -> Result<(), CockpitError> {
        match self.session.suspend()? {
            Suspended::AndContinued => {
                self.is_retaken = true;
                self.screen.forget();
            }
            Suspended::NobodyToReturnTo => {}
        }
        Ok(())
    }

    /// Now, on the clock of whatever is shown: a replay has a time of its own, which stands still with it.
    fn now(&self) -> Timestamp {
        if self.snapshot.engine.replay.is_some() { self.snapshot.at } else { self.clock.now() }
    }

    /// Looks which earlier releases there are, when the screen opens and when the release has ended.
    fn look_back(&mut self) {
        let has_ended = Some(self.snapshot.release.ended.is_some());
        if let Some(past) = self.past.as_ref().filter(|_| self.knows_past_since != has_ended) {
            let earlier = past.earlier(&self.snapshot.release);
            let _shown = update(&mut self.model, &self.snapshot, Msg::Past(earlier));
        }
        self.knows_past_since = has_ended;
    }

    /// Tells the brain, and does what it wants done.
    fn tell(&mut self, msg: Msg) -> Result<Option<Leaving>, CockpitError> {
        self.look_back();
        let now = self.now();
        let mut cmds = update(&mut self.model, &self.snapshot, Msg::Tick(now));
        cmds.extend(update(&mut self.model, &self.snapshot, msg));
        self.carry_out(cmds)
    }

    fn carry_out(&mut self, cmds: Vec<Cmd>) -> Result<Option<Leaving>, CockpitError> {
        let mut leaving = None;
        for cmd in cmds {
            match cmd {
                Cmd::Send(order) => {
                    let (kind, orders) = (order.command.kind(), self.handle.orders.clone());
                    self.answers.push(Box::pin(async move { Msg::Receipt(kind, orders.send(order).await) }));
                }
                Cmd::Ask(question) => {
                    let questions = self.handle.questions.clone();
                    self.found.push(Box::pin(async move {
                        let found = questions.ask(question.clone()).await;
                        Msg::Found(question, found)
                    }));
                }
                Cmd::LookBack(to) => {
                    let shown = Arc::clone(&self.snapshot.release);
                    let looked = self.past.as_ref().map(|past| past.preview(&shown, to));
                    let looked = looked.unwrap_or_else(|| Err("no journal is at hand here".to_owned()));
                    let _asked = update(&mut self.model, &self.snapshot, Msg::LookedBack(looked));
                }
                Cmd::GoBack(wish) => {
                    self.back = Some(wish);
                    leaving = Some(Leaving::Back);
                }
                Cmd::TakeOver(wish) => {
                    self.take = Some(wish);
                    leaving = Some(Leaving::TakeOver);
                }
                Cmd::Examine => match &self.doctor {
                    Some(doctor) => {
                        let _handle = self.looks.spawn(doctor.look());
                    }
                    None => {
                        let why = "a past release is only shown again; `cutover doctor` looks at what is there now";
                        let _told = update(&mut self.model, &self.snapshot, Msg::Examined(Err(why.to_owned())));
                    }
                },
                Cmd::Play(wish) => {
                    // A player that has gone shows its last picture.
                    let _gone = self.player.as_ref().map(|player| player.send(wish));
                }
                Cmd::Save(path) => self.saving.push(save::start(path, self.model.logs.clone())),
                Cmd::Copy(text) => {
                    // What does not fit through the terminal's clipboard sequence is said by the model's own note.
                    let _too_long = self.screen.copy(&text);
                }
                Cmd::Announce(text) => {
                    if self.attention.bell {
                        self.screen.bell();
                    }
                    if self.attention.notifications {
                        self.screen.notify(&text);
                    }
                }
                Cmd::Title(text) => self.screen.title(&text),
                Cmd::Redraw => self.screen.forget(),
                Cmd::Suspend => self.suspend()?,
                Cmd::Quit => leaving = Some(Leaving::Key),
            }
        }
        if let Some(feed) = &self.fleet {
            let is_wanted = self.model.view == View::Fleet;
            feed.is_wanted.send_if_modified(|wanted| std::mem::replace(wanted, is_wanted) != is_wanted);
        }
        Ok(leaving)
    }

    fn draw(&mut self) -> Result<(), CockpitError> {
        let now = self.now();
        let cmds = update(&mut self.model, &self.snapshot, Msg::Tick(now));
        // Time alone leads to questions, and to no leaving.
        let _stays = self.carry_out(cmds)?;
        let (model, snapshot, theme) = (&self.model, &self.snapshot, &self.theme);
        let mut sight = None;
        self.screen.draw(|area, buf| sight = Some(ui::draw(buf, area, model, snapshot, theme)))?;
        if let Some(sight) = sight {
            self.model.saw(sight);
        }
        self.scheduler.drawn();
        if self.moves_by_itself() {
            self.scheduler.within(SECOND);
        }
        Ok(())
    }

    /// Whether a clock or a countdown is on the screen: a release that has ended stands still, and so does its picture.
    fn moves_by_itself(&self) -> bool {
        !matches!(self.snapshot.release.status(), Status::Ended(_)) || !self.model.toasts.is_empty()
    }
}

/// The next reading of the fleet; pending for ever where nobody reads it.
async fn newest(feed: &mut Option<FleetFeed>) -> Arc<Fleet> {
    if let Some(feed) = feed
        && feed.seen.changed().await.is_ok()
    {
        return Arc::clone(&feed.seen.borrow_and_update());
    }
    std::future::pending().await
}
