/// One entry under `schedules`: a message that is published again and again.
public struct ScheduleDefinition: Sendable, Equatable {
    /// When it is due.
    public enum Timing: Sendable, Equatable {
        /// A cron expression of five fields, or a word such as `@daily`.
        case cron(String)
        /// Every so often, counted from the last time; 1 s…366 days.
        case every(Duration)
    }

    /// The entry's key; also the end of the name of its clock queue.
    public var name: String
    /// When it is due.
    public var timing: Timing
    /// The time zone of the clock that `cron` goes by; UTC unless given.
    public var timezone: String
    /// The queue that gets the message.
    public var queue: String
    /// The message's body; empty unless given.
    public var body: [UInt8]
    /// `application/json` for a body that is a tree, `text/plain` for text; nil without a body.
    public var contentType: String?
    /// The message's headers, beside ours.
    public var headers: [String: ArgumentValue]
    /// What becomes of times that passed while nobody was there; `latest` unless given.
    public var catchUp: CatchUp
    /// How late a message may be, 1 s…366 days; nil is without a limit, but 10 s where `catchUp` is `none`.
    public var deadline: Duration?
    /// Where the entry stands.
    public var location: SourceLocation
    /// Where several environments share a virtual host, each has clocks of its own.
    package var clockPrefix = ""

    /// Makes a definition in code; nothing is checked.
    public init(
        name: String,
        timing: Timing,
        timezone: String = "UTC",
        queue: String,
        body: [UInt8] = [],
        contentType: String? = nil,
        headers: [String: ArgumentValue] = [:],
        catchUp: CatchUp = .latest,
        deadline: Duration? = nil,
        location: SourceLocation
    ) {
        self.name = name
        self.timing = timing
        self.timezone = timezone
        self.queue = queue
        self.body = body
        self.contentType = contentType
        self.headers = headers
        self.catchUp = catchUp
        self.deadline = deadline
        self.location = location
    }
}
