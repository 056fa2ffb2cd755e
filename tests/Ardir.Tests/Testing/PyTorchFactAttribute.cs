using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>A test that needs PyTorch in the system's Python and says so when it is skipped.</summary>
internal sealed class PyTorchFactAttribute : FactAttribute
{
    // The system's own Python first: another one on the path rarely has Debian's packages.
    private static readonly string _python = File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

    private static readonly Lazy<string?> _reason = new(Why);

    public PyTorchFactAttribute()
    {
        if (_reason.Value is { } reason) Skip = reason;
    }

    public static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(_python, ["-c", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException(errors.Result);
    }

    private static string? Why()
    {
        try
        {
            Run("import torch");
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return "needs python3 with PyTorch (Debian: python3-torch)";
        }
    }
}
