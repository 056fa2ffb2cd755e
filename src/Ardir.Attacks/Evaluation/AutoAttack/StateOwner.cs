using System.Diagnostics;
using System.Globalization;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// A line beside a state file that says which process holds it, for the message to a second one. The state file itself is the lock, which
/// the operating system releases, so a line that a killed process left is replaced by the next one and believed by nobody.
/// </summary>
internal sealed class StateOwner : IDisposable
{
    private readonly string _path;
    private readonly string _line;

    private StateOwner(string path, string line) => (_path, _line) = (path, line);

    /// <summary>Writes the line of this process, which holds the state file.</summary>
    public static StateOwner Of(string state)
    {
        using var self = Process.GetCurrentProcess();
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"process {self.Id} on {Environment.MachineName}, started at {self.StartTime.ToUniversalTime():u}");
        Try(() => File.WriteAllText(PathOf(state), line));
        return new StateOwner(PathOf(state), line);
    }

    /// <summary>Who holds a state file that cannot be locked; empty for any other fault and where nothing tells.</summary>
    public static string Holding(string state, Exception fault)
    {
        if (!FileLocks.IsHeld(fault)) return "";
        var line = "";
        Try(() => line = File.ReadAllText(PathOf(state)));
        return line.Length == 0 ? "" : $" It is held by {line}.";
    }

    // While the state file is still locked: afterwards the line may be another process's.
    public void Dispose() => Try(() =>
    {
        if (File.ReadAllText(_path) == _line) File.Delete(_path);
    });

    private static string PathOf(string state) => state + ".owner";

    // Only a name would be missing in a message.
    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
