import ArgumentParser

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the version of Millrace and of its plugin ABI."
    )

    static let version = "0.1.0"

    static let text = "millrace \(Self.version), plugin ABI 1"

    func run() throws { try StandardOutput.line(Self.text) }
}
