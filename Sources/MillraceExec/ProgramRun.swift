import Subprocess
import SystemPackage

/// One run of a program for one message.
struct ProgramRun: Sendable {
    let program: Program
    let input: [UInt8]
    /// `NAME=VALUE`, each ended by a NUL.
    let environment: [[UInt8]]
    let settings: ExecSettings
    let stop: StopRequest
    let lines: LineQueue

    /// Starts the program, feeds it, listens to it, and waits until nothing of it is left.
    ///
    /// Never cancelled: ``stop`` ends it. Nothing in it blocks a thread.
    func run() async -> ProgramEnd {
        defer { self.lines.finish() }
        guard RunningPrograms.all.mayStart() else { return ProgramEnd(neverBegan: self.program) }
        let wantsOutput = self.settings.output != nil
        do {
            let result = try await Subprocess.run(
                .path(FilePath(self.program.path)),
                arguments: Arguments(self.program.arguments),
                environment: .custom(self.environment),
                workingDirectory: FilePath(self.program.folder),
                platformOptions: Self.options,
                input: .inputWriter,
                output: .sequence,
                error: .sequence
            ) { execution in
                let group = ProcessGroup(id: execution.processIdentifier.value)
                RunningPrograms.all.began(group)
                self.stop.began(group)
                async let written: Void = self.write(execution.standardInputWriter)
                async let output = self.read(execution.standardOutput, "stdout", keepsOctets: wantsOutput)
                async let said = self.read(execution.standardError, "stderr", keepsOctets: false)
                let (heard, tail) = await (output, said.tail)
                await written
                return (group, heard.octets, tail)
            }
            let (group, output, tail) = result.closureResult
            let leftOthers = await group.endRest(by: self.stop.ended())
            RunningPrograms.all.remove(group)
            return ProgramEnd(
                way: ProgramEnd.Way(result.terminationStatus),
                stopped: self.stop.reason,
                output: output,
                tail: tail,
                maxOutput: self.settings.maxOutput,
                leftOthers: leftOthers
            )
        } catch {
            let deadline = self.stop.ended()
            if let group = self.stop.group {
                // It runs, and can not be waited for.
                _ = await group.endRest(by: deadline)
                RunningPrograms.all.remove(group)
            } else {
                RunningPrograms.all.didNotBegin()
            }
            return ProgramEnd(failedToStart: error, self.program)
        }
    }

    /// A session of its own: a process group that can be ended as a whole, and no terminal.
    private static var options: PlatformOptions {
        var options = PlatformOptions()
        options.createSession = true
        // What is left is ended by `StopRequest`; this is for an error of the library itself.
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
        ]
        return options
    }

    /// A program need not read what it does not want.
    private func write(_ writer: StandardInputWriter) async {
        if !self.input.isEmpty { _ = try? await writer.write(self.input) }
        try? await writer.finish()
    }

    private func read(
        _ stream: SubprocessOutputSequence,
        _ name: String,
        keepsOctets: Bool
    ) async -> (octets: [UInt8], tail: LineTail) {
        var octets: [UInt8] = []
        var tail = LineTail()
        var cutter = LineCutter()
        var count = 0
        do {
            for try await chunk in stream {
                count += chunk.count
                if count > self.settings.maxOutput {
                    self.stop.ask(.tooMuch(name))
                    break
                }
                if keepsOctets {
                    chunk.withUnsafeBytes { octets.append(contentsOf: $0) }
                } else {
                    let lines = chunk.withUnsafeBytes { cutter.add($0) }
                    for line in lines { tail.add(line) }
                    self.lines.add(lines, from: name)
                }
            }
        } catch {
            self.lines.add(["\(error)"], from: name)
            self.stop.ask(.unreadable(name))
        }
        if let last = cutter.finish() {
            tail.add(last)
            self.lines.add([last], from: name)
        }
        return (octets, tail)
    }
}
