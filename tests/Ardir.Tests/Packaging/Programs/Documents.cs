// Compiled against the packed packages by PackedPackagesTests: runs the code of the documents, each block in a new folder.
using System.Globalization;
using System.Reflection;
using TorchSharp;

[AttributeUsage(AttributeTargets.Class)]
internal sealed class DocumentedAttribute(string title) : Attribute
{
    public string Title => title;
}

internal static class Documents
{
    /// <summary>Runs every block and lets its surroundings judge what it printed.</summary>
    public static void Run(string folder)
    {
        var blocks = typeof(Documents).Assembly.GetTypes().Where(type => type.GetCustomAttribute<DocumentedAttribute>() is not null)
            .OrderBy(type => type.GetCustomAttribute<DocumentedAttribute>()!.Title, StringComparer.Ordinal).ToList();
        // Percentages are compared as text.
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var (before, console) = (Environment.CurrentDirectory, Console.Out);
        foreach (var block in blocks)
        {
            var title = block.GetCustomAttribute<DocumentedAttribute>()!.Title;
            var own = Directory.CreateDirectory(Path.Combine(folder, $"document {blocks.IndexOf(block) + 1}"));
            Environment.CurrentDirectory = own.FullName;
            console.WriteLine($"-- {title}");
            torch.manual_seed(1);
            var written = new StringWriter();
            try
            {
                using var surroundings = (Surroundings)Activator.CreateInstance(block)!;
                Console.SetOut(written);
                // Waits: the thread that opened the dispose scope must close it.
                surroundings.Run().GetAwaiter().GetResult();
                Console.SetOut(console);
                surroundings.Check(written.ToString());
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"The code of {title} failed after it had printed\n{written}", e);
            }
            finally
            {
                Console.SetOut(console);
                Environment.CurrentDirectory = before;
            }
            console.Write(written);
        }
        console.WriteLine($"{blocks.Count} blocks of code ran");
    }
}
