import ArgumentParser
import Glibc
import Millrace

/// `status --fleet`: asks over the broker of the job file.
struct FleetStatus {
    let control: ControlOptions
    let wait: Duration
    let expected: Int?

    /// - Throws: The exit status: 1 if something is not as it should be, 69 and 77 as other commands that need the broker.
    func run() throws {
        let question = try FleetQuestion(
            self.control,
            wait: self.wait,
            expected: self.expected,
            asker: "millrace status --fleet"
        )
        let view = try question.askOnce()
        let text = self.control.json ? view.value.json + "\n" : view.text(now: Int64(time(nil)))
        try StandardOutput.block(text, terminator: "")
        if view.isDegraded { throw ExitCode(1) }
    }
}
