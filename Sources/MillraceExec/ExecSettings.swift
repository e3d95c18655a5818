import MillraceHandler

/// What a job file says of a program, as the decoder of job files hands it over.
struct ExecSettings: Sendable {
    /// The program and its arguments; never empty.
    let command: [String]
    /// The program's working directory.
    let folder: String
    /// The job's queue.
    let queue: String
    /// Between SIGTERM and SIGKILL.
    let grace: Duration
    /// Octets of standard output, and of standard error, before the message fails.
    let maxOutput: Int
    /// Variables that the job file sets.
    let environment: [String: String]
    /// Variables that the program does not inherit.
    let withheld: [String]
    /// Where standard output goes; nil is the log.
    let output: OutputAddress?

    init(_ options: HandlerOptions) throws(OptionError) {
        self.command = try options.strings("exec")
        guard !self.command.isEmpty else { throw OptionError(key: "exec", reason: "names no program") }
        self.folder = try options.string("folder", default: ".")
        self.queue = try options.string("queue", default: "")
        self.grace = try options.duration("grace", default: .seconds(3))
        self.maxOutput = try options.int("max_output", default: 1 << 20)
        self.withheld = options.contains("withheld") ? try options.strings("withheld") : []
        var environment: [String: String] = [:]
        if options.contains("env") {
            let given = try options.options("env")
            for name in given.keys { environment[name] = try given.string(name) }
        }
        self.environment = environment
        self.output = options.contains("output") ? try OutputAddress(options.options("output")) : nil
    }
}

/// Where the standard output of a program is published to.
struct OutputAddress: Sendable {
    private let exchange: String
    private let routingKey: String
    private let contentType: String?

    init(_ options: HandlerOptions) throws(OptionError) {
        self.exchange = try options.string("exchange", default: "")
        self.routingKey = try options.string("routing_key")
        let type = try options.string("content_type", default: "")
        self.contentType = type.isEmpty ? nil : type
    }

    /// The message, about the same request as the one that it was made of.
    func publication(of output: [UInt8], _ correlation: String?) -> Publication {
        var publication = Publication(output, exchange: self.exchange, routingKey: self.routingKey)
        publication.contentType = self.contentType
        publication.correlationID = correlation
        return publication
    }
}
