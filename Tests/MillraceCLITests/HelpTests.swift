import ArgumentParser
import Testing

@testable import MillraceCLI

/// What `--help` says, of every command there is.
@Suite struct HelpTests {
    private static func all(below command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        [command] + command.configuration.subcommands.flatMap { Self.all(below: $0) }
    }

    private static var commands: [any ParsableCommand.Type] { Self.all(below: MillraceCommand.self) }

    @Test func `every command says in a sentence what it does, and of each argument what it is`() {
        #expect(Self.commands.count > 30)
        for command in Self.commands {
            let name = command.configuration.commandName ?? ""
            let abstract = command.configuration.abstract
            #expect(abstract.first?.isUppercase == true && abstract.hasSuffix("."), "\(name): \(abstract)")
            let lines = MillraceCommand.helpMessage(for: command, includeHidden: false, columns: 80)
                .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            #expect(lines.contains { $0.hasPrefix("USAGE: millrace") }, "\(name)")
            for (line, next) in zip(lines, lines.dropFirst()) {
                let isEntry = line.hasPrefix("  -") || line.hasPrefix("  <")
                // Its text is beside it, or below it if the name is long; a name that just fits stands beside its text too.
                let isSaid = line.dropFirst(2).contains("  ") || next.hasPrefix("          ") || line.contains("> ")
                if isEntry { #expect(isSaid, "\(name): \(line)") }
            }
        }
    }

    @Test func `what operators ask takes --json and a socket`() {
        let names: Set = [
            "status", "top", "scale", "pause", "resume", "quiet", "drain", "plan", "reload", "restart", "rebalance",
            "dump",
            "explain", "ready", "history",
        ]
        let asked = MillraceCommand.configuration.subcommands.filter {
            names.contains($0.configuration.commandName ?? "")
        }
        #expect(asked.count == names.count)
        for command in asked {
            let text = MillraceCommand.helpMessage(for: command, includeHidden: false, columns: 80)
            #expect(text.contains("--json") && text.contains("--socket"), "\(command)")
        }
    }
}
