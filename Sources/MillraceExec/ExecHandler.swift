import MillraceHandler

/// Runs a program for each message: the body is its standard input, its exit status the outcome.
///
/// The handler waits and nothing else: pipes, timers and the end of programs are no matter of its thread.
struct ExecHandler: JobHandler {
    private let program: Program
    private let settings: ExecSettings
    private let environment: ProgramEnvironment

    init(_ options: HandlerOptions) throws {
        self.settings = try ExecSettings(options)
        self.environment = ProgramEnvironment(
            inherited: ProgramEnvironment.ofThisProcess,
            without: self.settings.withheld,
            setting: self.settings.environment
        )
        self.program = try Program(
            self.settings.command,
            folder: self.settings.folder,
            searchPath: self.environment.searchPath
        )
    }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let variables = MessageVariables(message, job: context.jobName, queue: self.settings.queue)
        let correlation = message.correlationID
        let lines = LineQueue()
        let run = ProgramRun(
            program: self.program,
            input: message.bodyBytes,
            environment: self.environment.entries(adding: variables),
            settings: self.settings,
            stop: StopRequest(grace: self.settings.grace),
            lines: lines
        )
        // Not a child of this task: a program that is asked to end is listened to until it has ended.
        let task = Task { await run.run() }
        let end = await withTaskCancellationHandler {
            for await _ in lines.bell { lines.log(to: context) }
            return await task.value
        } onCancel: {
            run.stop.ask(.cancelled)
        }
        lines.log(to: context)
        if end.leftOthers {
            context.log(.warning, "the program has left others behind in its process group; they were ended")
        }
        let outcome = end.outcome
        if outcome == .ack, let output = self.settings.output, !end.output.isEmpty {
            try context.publish(output.publication(of: end.output, correlation))
        }
        return outcome
    }
}
