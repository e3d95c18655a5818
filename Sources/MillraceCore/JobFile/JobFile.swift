/// What a `jobs.yaml` says, checked and complete: every default is filled in, every number is in its range.
public struct JobFile: Sendable, Equatable {
    /// The version of the format; always 1.
    public var version: Int
    /// Where the broker is and how the connection to it is kept.
    public var connection: ConnectionSettings
    /// The shared libraries to load, in the order of the file.
    public var plugins: [PluginReference]
    /// The exchanges to declare, in the order of the file.
    public var exchanges: [ExchangeDefinition]
    /// The queues to declare, in the order of the file.
    public var queues: [QueueDefinition]
    /// The jobs to run, in the order of the file; at least one.
    public var jobs: [JobDefinition]
    /// How long a drain waits for running handlers before it cancels them; 25 s unless given, 0 s…24 h.
    public var shutdownTimeout: Duration
    /// How long after the cancel a drain waits before it gives messages back; 5 s unless given, 0 s…1 h.
    public var killTimeout: Duration
    /// The ledger of what is in hand, for messages that crash the process; nil is none.
    public var crashLedger: CrashLedgerSettings?
    /// The socket for operators, which `millrace run` opens; nil is none.
    public var control: ControlSettings?
    /// HTTP on a port, which `millrace run` opens; nil is none.
    public var admin: AdminSettings?
    /// Messages that are published again and again, in the order of the file.
    public var schedules: [ScheduleDefinition]
    /// What the queues and exchanges above were called in the file; nil if they were called so.
    public var names: NameSettings?
    /// What looked odd and was accepted all the same; never holds an error.
    public var warnings: [Diagnostic]

    /// Makes a job file in code; nothing is checked.
    public init(
        version: Int = 1,
        connection: ConnectionSettings,
        plugins: [PluginReference] = [],
        exchanges: [ExchangeDefinition] = [],
        queues: [QueueDefinition] = [],
        jobs: [JobDefinition],
        shutdownTimeout: Duration = .seconds(25),
        killTimeout: Duration = .seconds(5),
        crashLedger: CrashLedgerSettings? = nil,
        control: ControlSettings? = ControlSettings(),
        admin: AdminSettings? = nil,
        schedules: [ScheduleDefinition] = [],
        names: NameSettings? = nil,
        warnings: [Diagnostic] = []
    ) {
        self.version = version
        self.connection = connection
        self.plugins = plugins
        self.exchanges = exchanges
        self.queues = queues
        self.jobs = jobs
        self.shutdownTimeout = shutdownTimeout
        self.killTimeout = killTimeout
        self.crashLedger = crashLedger
        self.control = control
        self.admin = admin
        self.schedules = schedules
        self.names = names
        self.warnings = warnings
    }
}
