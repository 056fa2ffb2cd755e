namespace Ardir.Tests;

/// <summary>A test that needs a POSIX shell.</summary>
internal sealed class PosixFactAttribute : FactAttribute
{
    public PosixFactAttribute()
    {
        if (!File.Exists("/bin/sh")) Skip = "Needs /bin/sh.";
    }
}
