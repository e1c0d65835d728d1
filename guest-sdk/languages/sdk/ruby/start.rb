# Loads a tool, once, when it is built, and calls it ever after.
module Toolhold
  def self.load_tool
    $LOAD_PATH.unshift("/src")
    require "/src/tool.rb"
    raise NoMethodError, "src/tool.rb defines no `main`" unless Object.private_method_defined?(:main)
  rescue Exception => error
    warn error.full_message(highlight: false)
    raise
  end

  # Ends the program with the status that `main` ends with.
  def self.call
    # What was random when the tool was built would be the same in every call.
    srand
    status = 0
    begin
      TOPLEVEL_BINDING.receiver.send(:main)
    rescue SystemExit => ending
      status = ending.status
    rescue Exception => error
      warn error.full_message(highlight: false)
      status = 1
    end
    $stdout.flush
    $stderr.flush
    exit!(status)
  end
end

Toolhold.load_tool
