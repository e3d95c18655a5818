import ArgumentParser
import MillraceAdmin

struct RebalanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebalance",
        abstract: "Have a supervisor go over to another broker of its list, in order and without losing anything.",
        discussion: """
            After a rolling restart one node of a cluster has no supervisors; run this for some of them. The new connection is there \
            before the old one is let go. Each thread finishes what it has in hand where it began it, gives back what is not begun, and \
            goes on over there; the old connection is closed when nobody is on it. Status 1, and nothing changed, if no other broker takes \
            it. The connection for outputs (publishing: separate) stays where it is.
            """
    )

    @OptionGroup var control: ControlOptions

    @Option(help: "This broker, as HOST or HOST:PORT; any other one of the list unless given.")
    var to: String?

    @Option(help: "Why; `millrace history` shows it.")
    var reason: String?

    func run() throws {
        try self.control.ask(
            .post,
            ["api", "v1", "rebalance"],
            [("to", self.to), ("reason", self.reason)],
            patience: .seconds(300)
        )
    }
}
