import Millrace
import MillraceExec

/// The handlers that are part of the command: programs.
enum LinkedInHandlers {
    static let registry: PluginRegistry = {
        var registry = PluginRegistry()
        do throws(PluginError) {
            try registry.add(linkedIn: ExecPlugin.descriptor)
        } catch {
            // Jobs with programs then say that nothing runs them.
            StandardError.write("\(error)")
        }
        return registry
    }()

    /// Ends the programs that the supervisor has not waited for.
    static func endPrograms() { ExecPlugin.killAll() }
}
