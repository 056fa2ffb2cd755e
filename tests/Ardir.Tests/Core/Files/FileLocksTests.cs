using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Files that cannot be opened, and why.</summary>
public sealed class FileLocksTests
{
    [Fact]
    public void IsHeld_OnlyOfAFileThatIsOpenElsewhere()
    {
        using var folder = new TemporaryFolder();
        using var held = new FileStream(folder.File("held"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);

        FileLocks.IsHeld(Fault(folder.File("held"))).Should().BeTrue();
        FileLocks.IsHeld(Fault(folder.File("missing"))).Should().BeFalse();
        FileLocks.IsHeld(Fault(folder.File("no folder/file"))).Should().BeFalse();
    }

    private static IOException Fault(string path) =>
        FluentActions.Invoking(() => new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None)).Should().Throw<IOException>().Which;
}
