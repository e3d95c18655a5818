package import AMQPClient
package import NIOCore
import NIOPosix

/// How a supervisor runs, apart from what the job file says.
public struct SupervisorOptions: Sendable {
    /// End with a drain once every job's queue is empty and every delivery settled.
    public var once: Bool
    /// Called about this often with the state of every job; nil never.
    public var statusInterval: Duration?
    /// A worker that has a connection and no running consumer for this long is named in the log, its channel is
    /// opened again, and the supervisor is not ready.
    public var consumeTimeout: Duration
    /// Asked when the broker refuses the login: the connection as it is now in the job file and its environment, since
    /// user or password may have changed; nil if that is not known.
    ///
    /// Called on any thread, which waits for it.
    public var renewConnection: (@Sendable () -> ConnectionSettings?)?
    /// When the run ends by itself, with a drain.
    public var limits = RunLimits()
    /// Who is told when jobs run, and that they do; nil is nobody.
    public var serviceManager: ServiceManager?
    /// Starts the broker in this process where the file has `connection: { uri: embedded }`; nil is a program without one.
    ///
    /// `MillraceEmbedded` has `EmbeddedBrokerServer.start` for it.
    public var startBroker: InProcessBrokerStart?
    /// How failed and snoozed messages wait.
    package var delays = DelaySettings()
    /// How long what is published may wait for the broker's answer before it goes again on another channel.
    package var answerPatience = Duration.nanoseconds(Int64(clamping: AnswerPatience.usual))
    /// How often the queues of jobs whose threads follow their backlog are looked at.
    package var backlogInterval = Duration.seconds(4)
    /// How often the broker is asked whether the queues of all jobs have consumers; nil never.
    package var consumerCheckInterval: Duration? = .seconds(60)
    /// Which file that is.
    package var fileIdentity = FileIdentity(path: "", digest: "")
    /// Which build of the program, for the fleet.
    package var build = ""
    /// Reads a job file, with its plugins; called on a thread of its own.
    package var load: (@Sendable (String) -> Result<LoadedFile, LoadFailure>)?
    /// What tests give to workers: a clock of their own, and who is told of each delivery.
    package var hooks = WorkHooks()
    /// How workers' threads are started.
    package var startThread: ThreadStart = WorkerThread.start
    /// Where connections are made.
    package var makeEventLoops: @Sendable () -> any EventLoopGroup = { MultiThreadedEventLoopGroup(numberOfThreads: 1) }

    /// The defaults: run until stopped, no status, 30 s for a consumer to start.
    public init(once: Bool = false, statusInterval: Duration? = nil, consumeTimeout: Duration = .seconds(30)) {
        self.once = once
        self.statusInterval = statusInterval
        self.consumeTimeout = consumeTimeout
    }
}
