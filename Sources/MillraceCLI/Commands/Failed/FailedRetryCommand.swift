import ArgumentParser
import Millrace

struct FailedRetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Put messages back in the job's queue, as new: their attempts count from 1 again."
    )

    @OptionGroup var arguments: FailedArguments
    @OptionGroup var selection: FailedSelection

    func run() throws {
        try self.arguments.open { box in
            let messages = try self.selection.take(from: box)
            let (sent, refused) = try box.replay(messages)
            try box.putBack()
            for (id, reason) in refused { StandardError.write("\(id) stays in '\(box.queue)': \(reason)") }
            print("\(sent) sent to '\(box.jobQueue)'")
            if !refused.isEmpty { throw ExitCode(1) }
        }
    }
}

struct FailedRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove messages for good.")

    @OptionGroup var arguments: FailedArguments
    @OptionGroup var selection: FailedSelection

    func run() throws {
        try self.arguments.open { box in
            let messages = try self.selection.take(from: box)
            try box.remove(messages)
            try box.putBack()
            print("\(messages.count) removed from '\(box.queue)'")
        }
    }
}

struct FailedPurgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Remove all of a job's dead letters for good."
    )

    @OptionGroup var arguments: FailedArguments

    @Flag(help: "Do not ask.")
    var yes = false

    func run() throws {
        try self.arguments.open { box in
            if !self.yes {
                print("Remove all \(try box.count()) messages of '\(box.queue)' for good? [y/N] ", terminator: "")
                guard readLine()?.lowercased() == "y" else {
                    StandardError.write("nothing was removed; --yes does not ask")
                    throw ExitCode(1)
                }
            }
            print("\(try box.purge()) removed from '\(box.queue)'")
        }
    }
}
