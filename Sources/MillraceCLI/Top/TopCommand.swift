import ArgumentParser
import Millrace
import MillraceAdmin

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract:
            "Watch a running supervisor, each second: its jobs, those in trouble first, and how long things take.",
        discussion: """
            Of each job: state, threads in a handler of all, what is in hand, rates, the oldest in hand against its timeout, \
            retries and dead letters since the start; then p50, p95 and p99 of handler and wait time of the last half minute to \
            minute, and what went wrong last.

            j and k, or arrows, move; Enter looks at a job's workers, Esc goes back. p pauses the job, r resumes it, + and - give \
            it a thread more or less. Capitals are dangerous: R replaces its workers, Q has every job rest, D has the supervisor \
            finish and end. q ends top. NO_COLOR is heeded.

            With --fleet it is what `status --fleet` shows, each second: all supervisors of the job file's `control: { fleet: NAME }`, \
            their jobs together, and what is not as it should be. j and k scroll, q ends.
            """
    )

    @OptionGroup var control: ControlOptions

    @Flag(help: "Print one screen and end: status 0 if all is well, 1 if not.")
    var once = false

    @Flag(help: "Watch all supervisors of the job file's fleet, over the broker.")
    var fleet = false

    @Option(help: "With --fleet: how long they have to answer.")
    var wait = DurationArgument(.seconds(1))

    @Option(help: "With --fleet: how many there should be.")
    var expect: Int?

    func validate() throws {
        if !self.fleet, self.expect != nil { throw ValidationError("--expect goes with --fleet") }
    }

    func run() throws {
        if self.fleet { return try self.runFleet() }
        if self.control.json {
            guard self.once else { throw ValidationError("--json needs --once; it is what `status --json` says") }
            return try self.control.ask(.get, ["api", "v1", "status"])
        }
        var driver = TopDriver(ControlClient(socket: try self.control.place()))
        do {
            if self.once {
                let exit = try driver.printOnce()
                if exit != .success { throw exit }
                return
            }
            guard Terminal.isThere else {
                throw ValidationError("top needs a terminal; --once prints one screen")
            }
            try driver.run(Terminal())
        } catch let nobody as ControlClient.Nobody {
            StandardError.write("\(nobody)")
            throw ControlOptions.nobody
        }
    }

    private func runFleet() throws {
        if self.control.json {
            guard self.once else {
                throw ValidationError("--json needs --once; it is what `status --fleet --json` says")
            }
            return try FleetStatus(control: self.control, wait: self.wait.duration, expected: self.expect).run()
        }
        guard self.once || Terminal.isThere else {
            throw ValidationError("top needs a terminal; --once prints one screen")
        }
        var top = FleetTop(
            try FleetQuestion(
                self.control,
                wait: self.wait.duration,
                expected: self.expect,
                asker: "millrace top --fleet"
            )
        )
        guard self.once else { return try top.run(Terminal()) }
        let exit = try top.printOnce()
        if exit != .success { throw exit }
    }
}
