using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The files of a run.</summary>
internal sealed class CheckpointFiles(string folder)
{
    public string Last { get; } = Path.Combine(folder, "last.safetensors");

    public string Best { get; } = Path.Combine(folder, "best.safetensors");

    /// <summary>A batch whose loss was NaN or infinite.</summary>
    public string BadBatch { get; } = Path.Combine(folder, "bad-batch.safetensors");

    /// <summary>Holds the folder for one run at a time; null when the folder cannot be written, which the first checkpoint then
    /// reports.</summary>
    /// <exception cref="IOException">Another run holds it.</exception>
    public RunLock? Lock() => RunLock.Take(Path.Combine(folder, "run.lock"), "training run");

    /// <summary>Refuses a folder in the place of a file before a run begins: it would end after its first epoch otherwise.</summary>
    /// <exception cref="IOException">There is one.</exception>
    public void RefuseFolders()
    {
        foreach (var path in new[] { Last, Best, BadBatch }) RefuseFolder(path);
    }

    /// <summary>Runs a write; when it fails, the exception says what to do.</summary>
    public static void Write(string path, Action write)
    {
        RefuseFolder(path);
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The checkpoint '{path}' cannot be written: {e.Message} Check TrainerOptions.CheckpointDirectory and the free space; " +
                "what was there before is intact.", e);
        }
    }

    private static void RefuseFolder(string path)
    {
        if (Directory.Exists(path))
            throw new IOException(
                $"The checkpoint '{path}' cannot be written: a folder has this name. Rename or move the folder, or choose another " +
                "TrainerOptions.CheckpointDirectory.");
    }
}
