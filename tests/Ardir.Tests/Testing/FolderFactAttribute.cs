namespace Ardir.Tests;

/// <summary>A fact about files too large for the repository, in a folder that an environment variable names; skipped, with the reason, without it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FolderFactAttribute : FactAttribute
{
    public FolderFactAttribute(string variable)
    {
        if (!Directory.Exists(Environment.GetEnvironmentVariable(variable))) Skip = $"{variable} names no folder with the full files.";
    }
}
