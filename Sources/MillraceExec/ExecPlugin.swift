import Glibc
public import MillraceHandler

/// Programs as handlers: what `handler: { exec: [./resize.py, --fast] }` of a job file is run by.
///
/// `millrace` has it. A supervisor of one's own adds it to its registry:
///
///     try registry.add(linkedIn: ExecPlugin.descriptor)
public enum ExecPlugin {
    private static let plugin = MillracePlugin(
        name: "millrace",
        [
            .async(
                "millrace.exec",
                making: { options in
                    Self.keepBrokenPipes
                    return try ExecHandler(options)
                }
            )
        ]
    )

    /// For `PluginRegistry.add(linkedIn:)`.
    public static var descriptor: PluginDescriptor { Self.plugin.descriptor }

    /// Ends every program that still runs, and its process group, with SIGKILL; whatever is started later too.
    ///
    /// For the end of the process: a program outlives a supervisor that does not wait for its handlers.
    public static func killAll() { RunningPrograms.all.killAll() }

    /// A write to a program that does not read any more is an error, and not the end of this process.
    ///
    /// Who has a handler of their own for the signal keeps it.
    private static let keepBrokenPipes: Void = {
        var current = sigaction()
        guard sigaction(SIGPIPE, nil, &current) == 0,
            unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_DFL, to: Int.self)
        else { return }
        signal(SIGPIPE, SIG_IGN)
    }()
}
