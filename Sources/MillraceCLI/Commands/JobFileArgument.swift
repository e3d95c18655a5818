import ArgumentParser
import Glibc
import Millrace
import Synchronization

/// The job file, as every command takes it.
struct JobFileArgument: ParsableArguments {
    @Argument(help: "The job file (YAML). ${VAR} and ${VAR:-default} in it are taken from the environment.")
    var file: String

    /// Loads the file; prints every error and ends with status 78 if there is one.
    func load() throws -> JobFile { try self.finish(self.read()) }

    /// Reads the file, for those who look at it further.
    func read() throws -> JobFileDraft {
        do throws(JobFileError) {
            return try JobFileDraft(path: self.file, environment: Self.atStart)
        } catch {
            StandardError.block(error.description)
            throw ExitCode(78)
        }
    }

    /// Prints everything that was found; ends with status 78 if there is an error.
    func finish(_ draft: JobFileDraft) throws -> JobFile {
        draft.checkTimeZones()
        do throws(JobFileError) {
            let file = try draft.finish()
            if !file.warnings.isEmpty { StandardError.block(DiagnosticRenderer.render(file.warnings)) }
            return file
        } catch {
            StandardError.block(error.description)
            throw ExitCode(78)
        }
    }

    /// A job file as it is now, with its plugins, read the way that ``load()`` reads it.
    static func loadNow(_ path: String) -> Result<LoadedFile, LoadFailure> {
        do throws(JobFileError) {
            let draft = try JobFileDraft(path: path, environment: Self.environmentNow)
            let registry = draft.loadPlugins(
                beside: LinkedInHandlers.registry,
                anew: Self.loads.add(1, ordering: .relaxed).newValue
            )
            let file = try draft.finish()
            let identity = FileIdentity(path: path, digest: draft.digest(of: file))
            return .success(LoadedFile(file: file, registry: registry, identity: identity))
        } catch {
            let text = DiagnosticRenderer.render(error.diagnostics, consequence: "nothing has changed")
            return .failure(LoadFailure(text))
        }
    }

    /// Where a file says that its supervisor's socket is; nil if it can not be read.
    static func controlNow(of path: String) -> ControlSettings? {
        (try? JobFileDraft(path: path, environment: Self.environmentNow))?.control
    }

    private static var environmentNow: [String: String] { Self.environment(Self.variable) }

    private static func environment(_ variable: (String) -> String?) -> [String: String] {
        var environment = Self.atStart
        for name in environment.keys {
            if let value = variable(name) { environment[name] = value }
        }
        return environment
    }

    /// As the process has it now.
    static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// The connection as a file has it now.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - variable: The value of a variable now; nil if it is not set.
    /// - Returns: Its settings; nil if the file is not good any more.
    static func connectionNow(
        of path: String,
        variable: (String) -> String? = Self.variable
    ) -> ConnectionSettings? {
        do throws(JobFileError) {
            return try JobFile.load(path: path, environment: Self.environment(variable)).connection
        } catch {
            return nil
        }
    }

    /// So many times files were read again.
    private static let loads = Atomic(0)

    /// Of the start: later a handler may be changing them.
    private static let atStart = Self.environment

    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        // `environ` is read before any thread is started but the one that waits for signals, and nobody changes it.
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                variables[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return variables
    }
}
