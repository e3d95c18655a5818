import ArgumentParser
import Millrace

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of a job file, for editors.",
        discussion: """
            Save it, and name it in the first lines of the job file: \
            `# yaml-language-server: $schema=jobs.schema.json`. Editors then complete keys and underline mistakes; \
            `millrace check` also checks what the parts say together.
            """
    )

    func run() throws { try StandardOutput.block(JobFile.schema, terminator: "") }
}
